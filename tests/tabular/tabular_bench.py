"""The tables and questionnaires that ship, read straight from their YAML."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from steelyard.model.period import micros, parse
from steelyard.model.table import Column, Table
from steelyard.tabular import Checked, Raw, check, read

STANDARDS = Path(__file__).parents[2] / "src" / "steelyard" / "standards"
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = parse("2026-07-01", SHANGHAI).start


def load_table(name: str) -> Table:
    said = yaml.safe_load((STANDARDS / "tables" / f"{name}.yaml").read_text(encoding="utf-8"))
    columns = tuple(
        Column(name=n, **{k: tuple(v) if k == "choices" else v for k, v in c.items()})
        for n, c in said.pop("columns").items()
    )
    return Table(name=name, columns=columns, key=tuple(said.pop("key")), **said)


def code_list(name: str) -> frozenset[str]:
    with (STANDARDS / "codes" / f"{name}.csv").open(encoding="utf-8") as file:
        return frozenset(row["code"] for row in csv.DictReader(file))


CODES = {name: code_list(name) for name in ("gbt2260", "gbt4754")}
ITEMS = yaml.safe_load((STANDARDS / "sme2024" / "items.yaml").read_text(encoding="utf-8"))["items"]


class Bench:
    """Writes a file, reads and checks it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, data: bytes | str, name: str = "file.csv") -> Path:
        path = self.folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def raw(self, table: str | Table, data: bytes | str, name: str = "file.csv", sheet: int | str | None = None) -> Raw:
        shape = load_table(table) if isinstance(table, str) else table
        return read(self.write(data, name), shape, sheet)

    def checked(self, table: str | Table, raw: Raw, zone: str = "Asia/Shanghai", now: int = NOW) -> Checked:
        shape = load_table(table) if isinstance(table, str) else table
        return check(raw, shape, ZoneInfo(zone), now, CODES, ITEMS)

    def take(
        self, table: str | Table, data: bytes | str, name: str = "file.csv", zone: str = "Asia/Shanghai"
    ) -> Checked:
        done = self.checked(table, self.raw(table, data, name), zone)
        assert done.read == done.rows.num_rows + len({r.row for r in done.refused})
        return done

    def cell(self, kind: str, value: str, zone: str = "Asia/Shanghai", **limits: object) -> tuple[object, str]:
        """One cell of a made-up column: its typed value and the code of its refusal."""
        column = Column("c", kind, **limits)
        table = Table("made_up", {}, (Column("id", "subject", required=True), column), ("id",), "id")
        quoted = '"' + value.replace('"', '""') + '"'
        done = self.take(table, f"id,c\nx,{quoted}\n", zone=zone)
        return (done.rows["c"].to_pylist() or [None])[0], done.refused[0].code if done.refused else ""


def us(text: str, zone: str = "UTC") -> int:
    return micros(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))
