"""The commands below ``form``: out, in, list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from steelyard.take.forms import FormTaken

app = App(name="form", help="Forms of frameworks, filled in as far as is known 填报表.", help_format="plaintext")
JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]
SHOWN = 20


@app.command
def out(
    home: HomePath, framework: str, file: Path, *, subject: str = "", lang: str = "", date: str = "", json: JSON = False
) -> int:
    """Write a form: .xlsx, .docx or .csv, filled in with what is known 导出填报表.

    Parameters
    ----------
    framework
        sme2024, gbt39116/2020, …; steelyard form list shows them.
    file
        Where it is written; the ending says the format.
    subject
        Whose form; the home's own subject when left out.
    lang
        zh or en.
    date
        The day on which the edition must be in force and the answers known; today when left out.
    """
    from steelyard.cli.say import as_json, table
    from steelyard.dots.forms import form_out
    from steelyard.errors import language
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        made = form_out(opened, framework, file, subject=subject, lang=lang or language(), day=date)
    facts = vars(made) | {"path": str(made.path)}
    as_json(facts) if json else table([], [(key, value) for key, value in facts.items() if key != "grades"])
    return 0


@app.command(name="in")
def in_(home: HomePath, file: Path, *, subject: str = "", framework: str = "", documents: Path | None = None, at: str | None = None,
        synthetic: bool = False, json: JSON = False) -> int:  # fmt: skip
    """Take a filled form back; exit status 3 when any row was refused 收回填报表.

    Prints read = stored + refused + unchanged: a row left as it was handed out is no answer anew.

    Parameters
    ----------
    subject
        Whose form, where the file does not say it.
    framework
        The framework, where the file does not say it.
    documents
        A folder with documents that rows name by file name; one in the folder invoice is an invoice.
    at
        When it was answered; now when left out.
    synthetic
        The answers are made up.
    """
    from steelyard.cli.documents import instant_of
    from steelyard.cli.say import as_json
    from steelyard.dots.forms import form_in
    from steelyard.errors import UsageError
    from steelyard.store.home import Home

    if documents is not None and not documents.is_dir():
        raise UsageError("SY101", why=f"--documents {documents}: no such folder")
    with Home.open(home) as opened:
        when = instant_of(at, opened.zone) if at else None
        taken = form_in(
            opened, file, subject=subject, framework=framework, documents=documents, at=when, synthetic=synthetic
        )
    as_json(_document(taken)) if json else _print(taken)
    return 3 if taken.refused else 0


def _document(taken: FormTaken) -> dict[str, Any]:
    return {
        "file": taken.file, "framework": taken.framework, "subject": taken.subject, "read": taken.read, "stored": taken.stored,
        "refused": taken.rows_refused, "unchanged": taken.unchanged, "leaf": taken.leaf.digest.hex() if taken.leaf else None,
        "documents": taken.documents, "report": str(taken.report) if taken.report else None,
        "refusals": [{"file": taken.file, "row": one.row, "cell": taken.places[n], "column": one.column, "value": one.value,
                      "code": one.code, "reason": one.say(), "remedy": one.remedy()} for n, one in enumerate(taken.refused)],
    }  # fmt: skip


def _print(taken: FormTaken) -> None:
    from steelyard.cli.say import note, table

    table(("file", "framework", "subject", "read", "stored", "refused", "unchanged"), [
        (Path(taken.file).name, taken.framework, taken.subject, taken.read, taken.stored, taken.rows_refused, taken.unchanged)])  # fmt: skip
    for n, one in list(enumerate(taken.refused))[:SHOWN]:
        note(f"{one.code} {Path(taken.file).name} {taken.places[n]} {one.value[:60]!r}: {one.say()} → {one.remedy()}")
    if taken.report:
        more = f" (+{len(taken.refused) - SHOWN})" if len(taken.refused) > SHOWN else ""
        note(f"→ {taken.report}{more}")


@app.command(name="list")
def list_(home: HomePath | None = None, *, json: JSON = False) -> int:
    """List the frameworks that have a form 评估框架."""
    from steelyard.catalog import load
    from steelyard.cli.say import as_json, table
    from steelyard.errors import language
    from steelyard.store.home import Home

    if home is None:
        found = list(load().frameworks.values())
    else:
        with Home.open(home) as opened:
            found = list(opened.catalog.frameworks.values())
    if json:
        as_json([vars(one) | {"items": len(one.items)} for one in found])
    else:
        table(("framework", "", "status", "in force", "until", "items"), [(one.id, one.label.get(language(), ""), one.status,
              "draft" if one.in_force is None else one.in_force, one.until or "", len(one.items)) for one in found])  # fmt: skip
    return 0
