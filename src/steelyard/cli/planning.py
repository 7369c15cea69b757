"""The commands below ``plan``: progress and forecast; what to fund first registers its own from cli/choosing.py."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from steelyard.errors import InputError

plan = App(name="plan", help="The plan: how far its targets are, where the curve goes, what to fund first 计划.")
JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]


@plan.command
def progress(home: HomePath, *, period: str = "", place: str = "", since: str = "", json: JSON = False) -> int:
    """Every target of the plan against its Figures, a row for each definition of coverage, and the flows of firms 进展.

    Parameters
    ----------
    period
        Exactly this period; the newest of each Figure when left out.
    place
        The region, park, cluster or chain, by id, GB/T 2260 code or name; the home's own when left out.
    since
        The earlier period of the flows; the newest before of the same length when left out.
    """
    from steelyard.cli.say import as_json
    from steelyard.cli.weighing import period_of
    from steelyard.errors import language
    from steelyard.plan.progress import progress as ask
    from steelyard.plan.progress_words import lines
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        spans = [period_of(text, opened.zone) if text else None for text in (period, since)]
        found = ask(opened, place, *spans)
    if json:
        as_json(found)
    else:
        print("\n".join(lines(found, language())))
    return 0


@plan.command
def forecast(home: HomePath, *, measure: str, by: Literal["", "province", "city", "county"] = "", to: int = 2030, intake: str = "",
             keep: bool = False, chart: Path | None = None, json: JSON = False) -> int:  # fmt: skip
    """Forecast a coverage by region: S-curves with intervals that were tried on the past, tiers, the chance of each target 预测.

    Parameters
    ----------
    measure
        The coverage, such as coverage/sme2024-level2; its Figures of whole years are read.
    by
        The level of the regions: province, city, county; below the home's own when left out.
    to
        The last year.
    intake
        Firms funded by region and year: a file with the columns region, year, firms; the table intake; or plan_choices:PLAN.
    keep
        Seal the forecast as Figures, marked estimated.
    chart
        Draw the curves into this SVG file.
    """
    from steelyard.cli.say import as_json
    from steelyard.errors import language
    from steelyard.plan.forecast import forecast as ask
    from steelyard.plan.forecast_words import lines
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        made, found = ask(opened, measure, by=by, to=to, **_intake(intake))
        if keep:
            from steelyard.plan.forecast_keep import keep as seal

            found["kept"] = [asdict(done) for done in seal(opened, made, found)]
    if chart:
        from steelyard.plan.forecast_chart import draw

        chart.write_text(draw(found, language()), encoding="utf-8")
    if json:
        as_json(found)
        return 0
    print("\n".join(lines(found, language())))
    for done in found.get("kept", ()):
        print(" ".join(f"{name} {value}" for name, value in done.items() if value != ""))
    return 0


def _intake(name: str) -> dict[str, Any]:
    """How the funded intake is read: from a file's rows, or by a table's name."""
    path = Path(name)
    if not name or (not path.exists() and (":" in name or not path.suffix)):
        return {"table": name}
    if not path.is_file():
        raise _no_intake(name, "–")
    return {"rows": lambda: _rows(path), "source": path.name}


def _rows(path: Path) -> list[dict[str, Any]]:
    from steelyard.cli.panels import read_panel

    columns = ("region", "year", "firms")
    table = read_panel(path, columns, ("region",))
    if not set(columns) <= set(table.column_names):
        raise _no_intake(str(path), ", ".join(table.column_names) or "–")
    return list(table.select(columns).to_pylist())


def _no_intake(name: str, found: str) -> InputError:
    from steelyard.errors import InputError

    return InputError("SY890", name, name=name, found=found)
