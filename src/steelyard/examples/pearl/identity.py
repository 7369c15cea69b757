"""Who a synthetic firm is: a function of its city and running number alone, whatever the seed or the scale.

So the factory, the chain and the province speak of the same firms without asking each other.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from steelyard.examples.pearl.codes import credit_codes
from steelyard.examples.pearl.places import CITIES, INDUSTRIES, INDUSTRY_CODES, City, mix
from steelyard.examples.pearl.rows import stream

FACTORY = "E-440600-00001"  # makes metal parts; its six machines are simulated
LEADER = "E-440600-00002"  # makes home appliances
GIVEN = {FACTORY: "33", LEADER: "38"}  # industries that the story needs

_IDENTITY = 440_000  # the stream of identities
_SYLLABLES = (
    ("恒", "heng"), ("达", "da"), ("盛", "sheng"), ("华", "hua"), ("顺", "shun"),
    ("合", "he"), ("兴", "xing"), ("隆", "long"), ("德", "de"), ("诚", "cheng"),
    ("泰", "tai"), ("丰", "feng"), ("荣", "rong"), ("安", "an"), ("宏", "hong"),
    ("利", "li"), ("源", "yuan"), ("明", "ming"), ("瑞", "rui"), ("嘉", "jia"),
    ("昌", "chang"), ("永", "yong"), ("鹏", "peng"), ("凯", "kai"), ("润", "run"),
)  # fmt: skip
_BRANDS = len(_SYLLABLES) ** 3  # 15,625: more than any city has firms


def firm_id(city: City, number: int) -> str:
    """``E-440600-00001``: the city's code and a number from 1."""
    return f"E-{city.code}-{number:05d}"


def given(city: City, count: int) -> list[int]:
    """Places among the city's first firms of those that the story names."""
    numbers = [int(firm[-5:]) for firm in GIVEN if firm.startswith(f"E-{city.code}-")]
    return [number - 1 for number in numbers if number <= count]


def industries(city: City, count: int) -> NDArray[np.int64]:
    """Places in ``INDUSTRIES`` of the city's first firms, (count,)."""
    drawn = np.searchsorted(np.cumsum(mix(city)), stream(_IDENTITY, int(city.code)).random(count))
    drawn = np.minimum(drawn, len(INDUSTRIES) - 1)
    for place in given(city, count):
        drawn[place] = INDUSTRY_CODES.index(GIVEN[firm_id(city, place + 1)])
    return drawn


@cache
def _brands() -> tuple[pa.Array, pa.Array]:
    """Three syllables each, in Chinese and in capitalised pinyin."""
    triples = [(a, b, c) for a in _SYLLABLES for b in _SYLLABLES for c in _SYLLABLES]
    zh = ["".join(s[0] for s in triple) for triple in triples]
    en = ["".join(s[1] for s in triple).capitalize() for triple in triples]
    return pa.array(zh), pa.array(en)


def _names(city: City, serials: NDArray[np.int64], kinds: NDArray[np.int64]) -> tuple[pa.Array, pa.Array]:
    """Names in Chinese and English, each marked synthetic; no two alike in a city."""
    zh, en = (brands.take(pa.array(serials * 7_919 % _BRANDS)) for brands in _brands())
    trade_zh = pa.array([industry.zh for industry in INDUSTRIES]).take(pa.array(kinds))
    trade_en = pa.array([industry.en for industry in INDUSTRIES]).take(pa.array(kinds))
    return (
        pc.binary_join_element_wise(city.zh, zh, trade_zh, "有限公司（合成）", ""),
        pc.binary_join_element_wise(city.en, en, trade_en, "Co., Ltd. (synthetic)", " "),
    )


def identities(city: City, count: int) -> pa.Table:
    """The ``subjects`` rows of the city's first ``count`` firms."""
    numbers = np.arange(1, count + 1)
    serials = numbers + 20_000 * CITIES.index(city)
    kinds = industries(city, count)
    name_zh, name_en = _names(city, serials, kinds)
    return pa.table(
        {
            "id": pa.array([firm_id(city, n) for n in numbers.tolist()]),
            "kind": pa.repeat("enterprise", count),
            "name_zh": name_zh,
            "name_en": name_en,
            "uscc": pa.array(credit_codes(city.code, serials)),
            "gbt2260": pa.repeat(city.code, count),
            "gbt4754": pa.array(INDUSTRY_CODES).take(pa.array(kinds)),
        }
    )


def identity(firm: str) -> pa.Table:
    """The one ``subjects`` row of a firm by its id; KeyError where the city is unknown."""
    _, code, number = firm.split("-")
    city = {city.code: city for city in CITIES}[code]
    return identities(city, int(number)).slice(int(number) - 1, 1)
