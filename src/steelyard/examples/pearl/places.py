"""Guangdong's 21 cities and the industries of their firms.

Counts of firms are published (see ``published``). Which industries a city leans to, how mature its firms are and how
many answer is plausible and invented: it stands for no statistic.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PUBLISHED = Path(__file__).parents[2] / "standards" / "published" / "guangdong.csv"
INDICATOR = "above_size_industrial_enterprises"
YEAR_END = "2023-12-31"


@dataclass(frozen=True)
class City:
    """``leaning`` are GB/T 4754 divisions that are frequent; ``maturity`` shifts the latent by so many deviations;
    ``answering`` is the share of firms that answer.
    """

    code: str
    zh: str
    en: str
    leaning: tuple[str, ...]
    maturity: float
    answering: float

    @property
    def subject(self) -> str:
        return f"CN-{self.code}"


CITIES = (
    City("440100", "广州", "Guangzhou", ("36", "39", "26", "18", "14"), 0.20, 0.95),
    City("440200", "韶关", "Shaoguan", ("31", "32", "30", "34"), -0.25, 0.91),
    City("440300", "深圳", "Shenzhen", ("39", "39", "39", "38", "35", "40"), 0.32, 0.96),
    City("440400", "珠海", "Zhuhai", ("39", "38", "27", "35"), 0.25, 0.95),
    City("440500", "汕头", "Shantou", ("24", "18", "29", "17"), -0.20, 0.89),
    City("440600", "佛山", "Foshan", ("38", "38", "33", "30", "21", "34"), 0.15, 0.95),
    City("440700", "江门", "Jiangmen", ("33", "37", "22", "38"), -0.05, 0.93),
    City("440800", "湛江", "Zhanjiang", ("13", "22", "38", "25"), -0.30, 0.88),
    City("440900", "茂名", "Maoming", ("25", "13", "26", "30"), -0.30, 0.88),
    City("441200", "肇庆", "Zhaoqing", ("32", "33", "39", "36"), -0.10, 0.92),
    City("441300", "惠州", "Huizhou", ("39", "39", "26", "29"), 0.10, 0.94),
    City("441400", "梅州", "Meizhou", ("39", "30", "44"), -0.30, 0.90),
    City("441500", "汕尾", "Shanwei", ("39", "18", "41"), -0.30, 0.85),
    City("441600", "河源", "Heyuan", ("39", "33", "30"), -0.15, 0.91),
    City("441700", "阳江", "Yangjiang", ("33", "33", "13", "31"), -0.25, 0.90),
    City("441800", "清远", "Qingyuan", ("30", "32", "29"), -0.15, 0.91),
    City("441900", "东莞", "Dongguan", ("39", "39", "29", "33", "24", "35"), 0.12, 0.93),
    City("442000", "中山", "Zhongshan", ("38", "38", "33", "39", "29"), 0.05, 0.93),
    City("445100", "潮州", "Chaozhou", ("30", "30", "14", "18"), -0.30, 0.87),
    City("445200", "揭阳", "Jieyang", ("17", "18", "33", "29"), -0.35, 0.84),
    City("445300", "云浮", "Yunfu", ("30", "30", "26", "14"), -0.30, 0.86),
)


@dataclass(frozen=True)
class Industry:
    """A GB/T 4754 division, short names for firms, its weight in the mix, and how its maturity differs."""

    code: str
    zh: str
    en: str
    weight: float
    maturity: float


INDUSTRIES = (
    Industry("13", "农产品加工", "Farm Products", 3.0, -0.25),
    Industry("14", "食品", "Foods", 2.5, 0.0),
    Industry("15", "饮料", "Beverages", 0.7, 0.1),
    Industry("17", "纺织", "Textiles", 3.0, -0.30),
    Industry("18", "服饰", "Garments", 4.0, -0.30),
    Industry("19", "皮具", "Leather Goods", 2.5, -0.35),
    Industry("20", "木业", "Wood Products", 1.0, -0.40),
    Industry("21", "家具", "Furniture", 2.5, -0.15),
    Industry("22", "纸业", "Paper", 3.0, -0.15),
    Industry("23", "印刷", "Printing", 2.5, -0.20),
    Industry("24", "文体用品", "Toys and Sports Goods", 3.5, -0.20),
    Industry("25", "石化", "Petrochemicals", 0.3, 0.45),
    Industry("26", "化工", "Chemicals", 5.0, 0.10),
    Industry("27", "医药", "Pharmaceuticals", 1.2, 0.45),
    Industry("28", "化纤", "Chemical Fibres", 0.3, 0.05),
    Industry("29", "橡塑", "Rubber and Plastics", 10.0, -0.15),
    Industry("30", "建材", "Building Materials", 5.5, -0.15),
    Industry("31", "钢铁", "Steel", 0.7, 0.25),
    Industry("32", "有色金属", "Non-ferrous Metals", 2.0, 0.05),
    Industry("33", "金属制品", "Metal Products", 9.0, -0.15),
    Industry("34", "机械", "Machinery", 5.5, 0.10),
    Industry("35", "专用设备", "Special Equipment", 6.0, 0.15),
    Industry("36", "汽车部件", "Automotive Parts", 2.0, 0.40),
    Industry("37", "运输装备", "Transport Equipment", 1.0, 0.20),
    Industry("38", "电气", "Electrical Equipment", 11.0, 0.20),
    Industry("39", "电子", "Electronics", 15.0, 0.35),
    Industry("40", "仪表", "Instruments", 1.8, 0.30),
    Industry("41", "日用制品", "Household Articles", 1.0, -0.30),
    Industry("42", "再生资源", "Recycling", 0.6, -0.20),
    Industry("44", "电力", "Power", 0.9, 0.30),
)
INDUSTRY_CODES = tuple(industry.code for industry in INDUSTRIES)


def mix(city: City) -> NDArray[np.float64]:
    """The shares of ``INDUSTRIES`` in a city; they sum to 1."""
    weights = np.array([industry.weight for industry in INDUSTRIES])
    for code in city.leaning:
        weights[INDUSTRY_CODES.index(code)] += 0.12 * weights.sum()
    return np.asarray(weights / weights.sum(), dtype=np.float64)


@cache
def published(path: Path = PUBLISHED) -> dict[str, int]:
    """City code to the published number of above-size industrial enterprises at the end of 2023."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["indicator"] == INDICATOR and YEAR_END in row["as_of"]]
    by_subject = {row["subject"]: int(float(row["value"])) for row in rows}
    return {city.code: by_subject[city.subject] for city in CITIES}


def counts(scale: float) -> dict[str, int]:
    """City code to number of firms: the published counts times the scale, rounded by largest remainder.

    They sum to round(71,996 * scale), and each city has one at least. ValueError where 21 cities cannot.
    """
    real = published()
    total = round(sum(real.values()) * scale)
    if not 0 < scale <= 1 or total < len(CITIES):
        raise ValueError(f"scale {scale} makes {total} firms; it must lie in (0, 1] and make {len(CITIES)} at least")
    exact = np.array([real[city.code] * scale for city in CITIES])
    whole = np.maximum(np.floor(exact), 1).astype(int)
    return {city.code: int(n) for city, n in zip(CITIES, _settle(whole, exact, total), strict=True)}


def _settle(whole: NDArray[np.int_], exact: NDArray[np.float64], total: int) -> NDArray[np.int_]:
    """Move the rounded numbers, one by one where they err most, until they sum to the total."""
    while (missing := total - int(whole.sum())) != 0:
        error = exact - whole
        if missing > 0:
            whole[np.argmax(error)] += 1
        else:
            whole[np.argmin(np.where(whole > 1, error, np.inf))] -= 1
    return whole
