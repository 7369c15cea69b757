"""Take a file: read it against a Table, keep the good rows as a sealed leaf, report the bad ones. Stored + refused = read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from steelyard import tabular
from steelyard.connect.mtconnect import connector as shdr
from steelyard.connect.mtconnect.states import load_mapping, states
from steelyard.errors import InputError, UsageError
from steelyard.model.figure import GRADES
from steelyard.model.leaf import Leaf
from steelyard.model.table import Table
from steelyard.store.home import FOREVER, Home
from steelyard.store.lake import file_hash
from steelyard.store.ledger import takes
from steelyard.take.guess import is_shdr, table_of_file


@dataclass(frozen=True)
class Taken:
    """What taking one file came to: rows read = stored + refused; the leaves made; where the refusal report rests."""

    file: str
    table: str
    read: int
    stored: int
    refused: list[tabular.Refusal]
    leaves: list[Leaf] = field(default_factory=list)
    report: Path | None = None
    already: bool = False
    ignored: Sequence[str] = ()

    @property
    def rows_refused(self) -> int:
        """How many rows were refused; one row can be refused for several cells."""
        return self.read - self.stored


def take(home: Home, path: Path, *, table: str | None = None, subject: str | None = None, mapping: str | None = None,
         sheet: str | int | None = None, grade: str | None = None, synthetic: bool = False) -> Taken:  # fmt: skip
    """Take one file into a home.

    ``table`` may be left out where name or columns tell it; ``subject`` fills the subject column of a file without one, and
    names the machine of a log; ``mapping`` (a file, or the name of a shipped one) turns a log's signals into machine states;
    ``grade`` lowers or states the evidence of the rows. A file that is here already is not stored again. Raises UsageError, and
    InputError where the file as a whole cannot be read.
    """
    if grade and grade not in GRADES:
        raise InputError("SY226", str(path), grade=grade, known=", ".join(GRADES))
    if not path.is_file():
        raise InputError("SY201", str(path), reason="no such file")
    seen = file_hash(path)
    if table in (None, "samples", "machine_states") and is_shdr(path):
        return _take_log(home, path, seen, subject, mapping, synthetic=synthetic)
    shape = home.catalog.table(table or table_of_file(path, home.catalog.tables))
    if not shape.by_hand:
        raise UsageError("SY113", name=shape.name)
    if found := [
        leaf for leaf in home.leaves(kind=shape.name, source=seen) if leaf.header["source"]["sheet"] == str(sheet or "")
    ]:
        return Taken(str(path), shape.name, 0, 0, [], found, already=True)
    raw = _with_subject(tabular.read(path, _without_subject(shape, subject), sheet), shape, subject)
    checked = tabular.check(raw, shape, home.zone, home.now(), home.catalog.codes, home.catalog.items)
    checked = without_claims(home, shape, checked)
    source = {"file": path.name, "sha256": seen.hex(), "sheet": str(sheet or ""), "read": checked.read}
    leaves = keep_rows(home, [(shape, checked.rows)], source, grade=grade, synthetic=synthetic)
    report = _report(home, path, seen, raw, shape, checked.refused)
    taken = Taken(
        str(path), shape.name, checked.read, checked.rows.num_rows, checked.refused, leaves, report, ignored=raw.ignored
    )
    _log(home, taken)
    return taken


def without_claims(home: Home, table: Table, checked: tabular.Checked) -> tabular.Checked:
    """The rows without those that claim an inspection: a factory's own file cannot, only what an assessor sealed can."""
    if home.kind != "factory" or table.name != "answers":
        return checked
    claims = pc.equal(checked.rows["grade"], "inspected")
    refused = [tabular.Refusal(row, "grade", "inspected", "SY719", {"grade": "inspected"})
               for row in checked.rows["row"].filter(claims).to_pylist()]  # fmt: skip
    return replace(checked, rows=checked.rows.filter(pc.invert(claims)),
                   refused=sorted([*checked.refused, *refused], key=lambda one: one.row))  # fmt: skip


def keep_rows(home: Home, tables: Sequence[tuple[Table, pa.Table]], source: dict[str, Any], *, grade: str | None = None,
              synthetic: bool = False) -> list[Leaf]:  # fmt: skip
    """Keep checked rows of one source as leaves under one seal; tables without rows leave none, but where the newest block
    of a table replaces all before.
    """
    with home.ledger.write() as connection:
        kept: list[Leaf] = []
        for table, rows in tables:
            if rows.num_rows or table.whole:
                parents = [*source.get("parents", ()), *(leaf.digest.hex() for leaf in kept)]
                kept.append(home.keep_leaf(
                    connection, table.name, rows, _span(table, rows), _subjects(table, rows), _grade(table, grade),
                    source | {"parents": parents}, synthetic=synthetic,
                ))  # fmt: skip
        if kept:
            home.seal_leaves(connection, kept)
    return kept


def _take_log(
    home: Home, path: Path, seen: bytes, subject: str | None, mapping: str | None, *, synthetic: bool
) -> Taken:
    if not subject:
        raise UsageError("SY112", str(path))
    binding_path = _mapping_path(home, mapping) if mapping else None
    binding = load_mapping(binding_path) if binding_path else None
    name = file_hash(binding_path).hex() if binding_path else ""
    found = [leaf for leaf in home.leaves(source=seen) if leaf.header["source"].get("mapping", "") in ("", name)]
    kinds = {leaf.table for leaf in found}
    wanted = {"samples", "machine_states"} if binding else {"samples"}
    if found and wanted <= kinds:
        return Taken(str(path), "samples", 0, 0, [], found, already=True)
    log = shdr.read_log(path, subject, now=home.now())
    stored = log.read - len({refusal.row for refusal in log.refused})
    source = {"file": path.name, "sha256": seen.hex(), "sheet": "", "read": log.read, "mapping": name}
    tables = [] if "samples" in kinds else [(home.catalog.table("samples"), log.rows)]
    if binding:
        tables.append((home.catalog.table("machine_states"), states(log.rows, subject, binding)))
    leaves = keep_rows(home, tables, source, synthetic=synthetic)
    report = _log_report(home, path, seen, log.refused)
    taken = Taken(str(path), "samples", log.read, stored, log.refused, leaves, report)
    _log(home, taken)
    return taken


def _mapping_path(home: Home, name: str) -> Path:
    """A mapping's file, given by path or by the name of one that the standards hold."""
    path = Path(name)
    return path if path.is_file() else home.catalog.mapping(name) or path


def _without_subject(table: Table, subject: str | None) -> Table:
    """The table as a file without its subject column may be read."""
    if not subject:
        return table
    columns = tuple(replace(c, required=False) if c.name == table.subject else c for c in table.columns)
    return replace(table, columns=columns, key=tuple(k for k in table.key if k != table.subject) or table.key)


def _with_subject(raw: tabular.Raw, table: Table, subject: str | None) -> tabular.Raw:
    if not subject or table.subject in raw.columns.column_names:
        return raw
    column = pa.repeat(pa.scalar(subject, pa.string()), raw.columns.num_rows)
    return replace(raw, columns=raw.columns.append_column(table.subject, column))


def _span(table: Table, rows: pa.Table) -> tuple[int, int]:
    if not table.start:
        return FOREVER
    start = pc.min(rows[table.start]).as_py()
    end = pc.max(rows[table.end]).as_py() if table.end else pc.max(rows[table.start]).as_py() + 1
    return start, end


def _subjects(table: Table, rows: pa.Table) -> tuple[str, str]:
    if not rows.num_rows:
        return "", ""
    least = pc.min_max(rows[table.subject]).as_py()
    return least["min"], least["max"]


def _grade(table: Table, grade: str | None) -> str:
    """The grade of a leaf; ``rows`` where each row says its own."""
    if "grade" in table.names:
        return "rows"
    return grade or table.grade if table.grade in GRADES else table.grade


def _report(
    home: Home, path: Path, seen: bytes, raw: tabular.Raw, table: Table, refused: list[tabular.Refusal]
) -> Path | None:
    if not refused:
        return None
    report = home.path / "refusals" / f"{path.stem}-{seen.hex()[:8]}.csv"
    tabular.write_report(report, raw, table, refused)
    return report


def _log_report(home: Home, path: Path, seen: bytes, refused: list[tabular.Refusal]) -> Path | None:
    """The refused lines of a log, as they came, to be corrected and taken again; reasons stand in a file beside it."""
    if not refused:
        return None
    report = home.path / "refusals" / f"{path.stem}-{seen.hex()[:8]}.txt"
    report.write_text("".join(f"{refusal.value}\n" for refusal in refused), encoding="utf-8")
    why = report.with_suffix(".reasons.txt")
    why.write_text("".join(f"{r.row}: {r.code} {r.say()}\n" for r in refused), encoding="utf-8")
    return report


def _log(home: Home, taken: Taken) -> None:
    with home.ledger.write() as connection:
        connection.execute(takes.insert().values(
            at=home.now(), file=Path(taken.file).name, kind=taken.table, read=taken.read, stored=taken.stored,
            refused=taken.rows_refused, report=taken.report.name if taken.report else "",
        ))  # fmt: skip
