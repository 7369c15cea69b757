"""The command ``take``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from steelyard import take as verb
from steelyard.cli.say import as_json, complain, note, table
from steelyard.errors import InputError, UsageError
from steelyard.store.home import Home

SHOWN = 10


def take_files(
    home_path: Path, files: Sequence[Path], *, json: bool, table: str | None, sheet: str | None, **options: Any
) -> int:
    """Take files one by one; a file that cannot be read does not keep the others out."""
    if not files:
        raise UsageError("SY101", why="no file")
    done: list[verb.Taken] = []
    failed: list[InputError] = []
    with Home.open(home_path) as home:
        for path in files:
            note(f"… {path.name}")
            try:
                done.append(verb.take(home, path, table=table, sheet=_sheet(sheet), **options))
            except InputError as error:
                failed.append(error)
    if json:
        as_json({"taken": [_document(taken) for taken in done], "failed": [
            {"code": e.code, "file": e.where, "reason": e.say(), "remedy": e.remedy()} for e in failed]})  # fmt: skip
    else:
        _print(done)
    for fault in failed:
        complain(fault.code, fault.where, fault.say(), fault.remedy())
    return 3 if failed or any(taken.refused for taken in done) else 0


def _sheet(text: str | None) -> str | int | None:
    """A sheet by name, or by its number from 1 as people count; readers count from 0."""
    return int(text) - 1 if text and text.isdigit() and int(text) else text


def _document(taken: verb.Taken) -> dict[str, Any]:
    return {
        "file": taken.file, "table": taken.table, "read": taken.read, "stored": taken.stored, "refused": taken.rows_refused,
        "already": taken.already, "ignored_columns": list(taken.ignored), "report": str(taken.report) if taken.report else None,
        "leaves": [leaf.digest.hex() for leaf in taken.leaves],
        "refusals": [{"file": taken.file, "row": r.row, "column": r.column, "value": r.value, "code": r.code, "reason": r.say()}
                     for r in taken.refused],
    }  # fmt: skip


def _print(done: Sequence[verb.Taken]) -> None:
    table(("file", "table", "read", "stored", "refused", ""), [
        (Path(t.file).name, t.table, t.read, t.stored, t.rows_refused, "already here 已在库中" if t.already else "") for t in done])  # fmt: skip
    for taken in done:
        for refusal in taken.refused[:SHOWN]:
            note(f"{refusal.code} {Path(taken.file).name}:{refusal.row} {refusal.column} {refusal.value[:60]!r}: "
                 f"{refusal.say()} → {refusal.remedy()}")  # fmt: skip
        if taken.report:
            more = f" (+{len(taken.refused) - SHOWN})" if len(taken.refused) > SHOWN else ""
            note(f"→ {taken.report}{more}")
