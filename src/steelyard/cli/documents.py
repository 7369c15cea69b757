"""The commands below ``document``: keep, list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter

app = App(
    name="document", help="Contracts, invoices, photos …: kept as sealed evidence 佐证材料.", help_format="plaintext"
)
JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]


def instant_of(text: str, zone: ZoneInfo) -> int:
    """A time, or the first instant of a day, in microseconds UTC; raises UsageError."""
    from steelyard.errors import UsageError
    from steelyard.model.period import instant, micros

    try:
        return micros(instant(text, zone))
    except (ValueError, OverflowError) as error:
        raise UsageError("SY109", text=text) from error


@app.command
def keep(home: HomePath, *files: Path, kind: str, subject: str = "", at: str | None = None, amount: float | None = None,
         synthetic: bool = False, json: JSON = False) -> int:  # fmt: skip
    """Keep documents: their bytes are copied into the home and sealed 存入材料.

    Parameters
    ----------
    kind
        contract, invoice, payment, photo, export (of a system), report, certificate or other.
    subject
        Whose they are; the home's own subject when left out.
    at
        The date of the documents; now when left out.
    amount
        The amount in CNY that each of them tells, from 0.
    synthetic
        They are made up.
    """
    from steelyard.cli.say import as_json, table
    from steelyard.dots.forms import whose
    from steelyard.errors import UsageError
    from steelyard.store.home import Home
    from steelyard.take.documents import keep_documents

    if not files:
        raise UsageError("SY101", why="no file")
    with Home.open(home) as opened:
        when = instant_of(at, opened.zone) if at else None
        done = keep_documents(
            opened, [(file, kind) for file in files], whose(opened, subject), when, amount=amount, synthetic=synthetic
        )
    if json:
        as_json([vars(one.document) | {"short": one.document.short, "already": one.already} for one in done])
    else:
        table(("document", "kind", "name", "bytes", ""), [(d.document.short, d.document.kind, d.document.name, d.document.bytes,
              "already here 已在库中" if d.already else "") for d in done])  # fmt: skip
    return 0


@app.command(name="list")
def list_(home: HomePath, *, subject: str = "", json: JSON = False) -> int:
    """List documents, and whether their bytes are those that were sealed; exit status 1 when one is not 列出材料.

    Parameters
    ----------
    subject
        Only this subject's.
    """
    from steelyard.cli.say import as_json, table
    from steelyard.model.period import iso, local_day
    from steelyard.store.documents import whole
    from steelyard.store.home import Home
    from steelyard.take.documents import documents_of

    with Home.open(home) as opened:
        zone = opened.zone
        found = [(one, whole(opened, one.document)) for one in documents_of(opened, subject or None)]
    if json:
        as_json([vars(one) | {"at": iso(one.at), "short": one.short, "whole": good} for one, good in found])
    else:
        table(("document", "subject", "kind", "at", "name", "bytes", ""), [(one.short, one.subject, one.kind, local_day(one.at, zone),
              one.name, one.bytes, "" if good else "BROKEN") for one, good in found])  # fmt: skip
    return 0 if all(good for _, good in found) else 1
