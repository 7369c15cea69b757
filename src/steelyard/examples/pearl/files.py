"""Writes tables as CSV files that say by their names that they are synthetic, with a README beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

PREFIX = "synthetic-"
BOM = b"\xef\xbb\xbf"  # so that Excel reads UTF-8
README = """# 合成数据 · Synthetic data

本文件夹中的数据由程序生成，均为虚构：企业、设备、代码、填报与产量不对应任何真实主体。
真实的只有：行政区划的名称与代码，以及各市 2023 年末规模以上工业企业数
（《广东统计年鉴 2024》表 12-06）乘以比例后的企业个数。

Everything in this folder was generated and is invented: firms, machines, credit codes, answers and counts belong to
nobody. Real are only the names and codes of regions, and the numbers of firms per city, which are those of above-size
industrial enterprises at the end of 2023 (Guangdong Statistical Yearbook 2024, table 12-06) times the scale.

| | |
|---|---|
| 生成器 generator | {generator} |
| 比例 scale | {scale} |
| 随机种子 seed | {seed} |

| 文件 file | 行数 rows |
|---|---|
{files}
"""


def write(
    tables: Mapping[str, pa.Table],
    folder: Path | str,
    *,
    generator: str = "steelyard.examples.pearl",
    scale: float | None = None,
    seed: int | None = None,
) -> list[Path]:
    """Write each table to ``synthetic-<table>.csv`` (UTF-8 with BOM) in the folder, and a README.md; return the CSVs.

    The folder is made where it is missing; files of the same names are overwritten. OSError where it cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [_write_csv(table, folder / f"{PREFIX}{name}.csv") for name, table in tables.items()]
    files = "\n".join(f"| {path.name} | {table.num_rows} |" for path, table in zip(paths, tables.values(), strict=True))
    told = {"scale": _or_dash(scale), "seed": _or_dash(seed)}
    (folder / "README.md").write_text(README.format(generator=generator, files=files, **told), encoding="utf-8")
    return paths


def _or_dash(value: float | None) -> str:
    return "—" if value is None else f"{value:g}"


def _write_csv(table: pa.Table, path: Path) -> Path:
    with path.open("wb") as file:
        file.write(BOM)
        csv.write_csv(table, file, csv.WriteOptions(quoting_style="needed"))
    return path
