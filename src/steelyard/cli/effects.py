"""The command ``effect``: what a transformation brought, with its grade on the ladder of evidence."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
DESIGNS = {
    "staggered": ("steelyard.dots.effect.staggered", "steelyard.dots.effect.words"),
    "synthetic": ("steelyard.dots.effect.synthetic",) * 2,
    "series": ("steelyard.dots.effect.series",) * 2,
    "cycles": ("steelyard.dots.effect.cycles",) * 2,
    "difference": ("steelyard.dots.effect.difference",) * 2,
}
COLUMNS = ("unit", "time", "outcome", "cohort", "treated", "cluster", "finished", "start", "end")


def effect(
    panel: Path, *, unit: str = "", time: str = "", outcome: str = "", cohort: str = "", treated: str = "",
    controls: Literal["never", "notyet"] = "never", estimator: str = "", covariates: str = "", cluster: str = "",
    base: Literal["varying", "universal"] = "varying", exposure: Path | None = None, design: str = "staggered",
    assignment: Literal["chosen", "lottery"] = "chosen", reaches: float | None = None, start: str = "", end: str = "",
    finished: str = "", as_of: str = "", placebos: int | None = None, claims: str = "", seed: int = 0, keep: bool = False, json: JSON = False,
) -> int:  # fmt: skip
    """The effect of a transformation on an outcome, with interval, doubts and grade 改造效应.

    Grades A and B are called an effect, and C where a matched unit (synthetic) or controls (series) stand in for what would have been.
    D is a difference, and so is C of cycles and of staggered; the words say so.

    Parameters
    ----------
    panel
        A CSV, Excel, JSON-lines or Parquet file with a row for each unit and time; or a home, whose Figures of whole years are read.
    unit
        The column of units; in a home, subjects; for cycles, of projects, each of which has one row.
    time
        The column of whole-numbered times.
    outcome
        The column of the outcome; in a home, a measure.
    cohort
        The column of first treated times, 0 or empty = never; in a home, a measure or an item.
    treated
        Instead of cohort: a column of 0 and 1.
    controls
        never: units never treated; notyet: also those that are treated later.
    estimator
        dr, ipw or regression (they differ with covariates alone); for synthetic sdid, sc or did.
    covariates
        Columns, joined by commas.
    cluster
        The column within which units are not independent: a chain, a park, a city.
    base
        What times before treatment are compared with: the time before (varying), or the last before treatment (universal).
    exposure
        A file with columns unit and group (a chain, city × industry): neighbours of treated units are no controls.
    design
        staggered, synthetic (few treated), series (one factory), cycles (durations), difference.
    assignment
        lottery, where treatment was drawn by lot.
    reaches
        In a home: a subject is treated from the first year in which the cohort's measure reaches this; it must have been seen below it.
    start
        series: the first period after the change; cycles: the column of start dates.
    end
        cycles: the column of end dates, empty = unfinished.
    finished
        cycles: a column of 0 and 1.
    as_of
        cycles: the date up to which unfinished projects are counted.
    placebos
        synthetic: at most so many placebos.
    claims
        Published claims whose indicator contains this stand beside the result: development_cycle (as cycles does unasked), efficiency, defect, carbon.
    seed
        Of what is drawn at random.
    keep
        In a home: seal the result as a Figure of the home's own subject.
    """
    from steelyard.cli.say import as_json
    from steelyard.errors import UsageError, language

    if design not in DESIGNS:
        raise UsageError("SY754", option="--design", value=design, known=", ".join(DESIGNS))
    if importlib.util.find_spec("scipy") is None:
        raise UsageError("SY753")
    options: dict[str, Any] = {
        "unit": unit, "time": time, "outcome": outcome, "cohort": cohort, "treated": treated, "controls": controls,
        "estimator": estimator, "covariates": [name.strip() for name in covariates.split(",") if name.strip()], "cluster": cluster,
        "base": base, "lottery": assignment == "lottery", "reaches": reaches, "start": start, "end": end, "finished": finished,
        "as_of": as_of, "placebos": placebos, "claims": claims, "seed": seed,
    }  # fmt: skip
    options = {name: value for name, value in options.items() if value not in ("", None)}
    if keep and (design != "staggered" or not panel.is_dir()):
        raise UsageError("SY115")
    found, lines = _ask(panel, exposure, design, options, language())
    if keep:
        found["figure"] = _keep(panel, found, options)
        lines.append(" ".join(f"{name} {value}" for name, value in found["figure"].items()))
    if json:
        as_json(found)
        return 0
    for line in lines:
        print(line)
    return 0


def _ask(
    path: Path, exposure: Path | None, design: str, options: dict[str, Any], lang: str
) -> tuple[dict[str, Any], list[str]]:
    from steelyard.cli.panels import read_panel

    asked, speaker = (importlib.import_module(name) for name in DESIGNS[design])
    if exposure:
        options["exposure"] = read_panel(exposure, ("unit", "group"), ("unit", "group"))
        _present(options["exposure"], [("exposure", "unit"), ("exposure", "group")])
    # no name is given to the table, so that whoever answers can let it go
    if not path.is_dir():
        found = asked.answer(_file(path, design, options), options)
        return found, speaker.words(found, lang)
    from steelyard.dots.effect.home import unknown_starts

    panel, unknown = _home(path, options)
    found = asked.answer(panel, options)
    found["missing"]["start_unknown"] = unknown
    return found, speaker.words(found, lang) + unknown_starts(len(unknown), lang)


def _keep(path: Path, found: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """What sealing the result came to, for people and programs."""
    from steelyard.dots.effect.home import keep
    from steelyard.store.home import Home

    with Home.open(path) as home:
        done = keep(home, found, options)
    return {"measure": done.measure, "made": done.made, "replaced": done.replaced, "unchanged": done.unchanged}


def _file(path: Path, design: str, options: dict[str, Any]) -> Any:
    from steelyard.cli.panels import read_panel
    from steelyard.errors import UsageError

    missing = [f"--{name}" for name in ("unit", "time", "outcome") if name not in options]
    missing += [] if "cohort" in options or "treated" in options else ["--cohort"]
    if design == "staggered" and missing:
        raise UsageError("SY750", missing=", ".join(missing))
    named = {name: options[name] for name in COLUMNS if name in options and (name != "start" or design == "cycles")}
    wanted = list(dict.fromkeys([*named.values(), *options.get("covariates", [])]))
    floats = [named[name] for name in ("outcome", "cohort") if name in named and design == "staggered"] + options.get(
        "covariates", []
    )
    table = read_panel(path, wanted, [named[name] for name in ("unit", "cluster") if name in named], floats)
    _present(table, [*named.items(), *(("covariates", name) for name in options.get("covariates", []))])
    return table


def _present(table: Any, named: Iterable[tuple[str, str]]) -> None:
    """Raises UsageError SY763 for an option that names no column, with those that are near."""
    from steelyard.catalog.catalog import near
    from steelyard.errors import UsageError

    for option, name in named:
        if name not in table.column_names:
            close = ", ".join(near(name, table.column_names) or table.column_names)
            raise UsageError("SY763", option=f"--{option}", name=name, near=close)


def _home(path: Path, options: dict[str, Any]) -> tuple[Any, list[str]]:
    """Figures of a home as a panel, and the subjects left out; its catalog tells the published claims."""
    from steelyard.dots.effect.home import panel_of
    from steelyard.errors import UsageError
    from steelyard.store.home import Home

    missing = [f"--{name}" for name in ("outcome", "cohort") if name not in options]
    if missing:
        raise UsageError("SY750", missing=", ".join(missing))
    with Home.open(path) as home:
        found = panel_of(home, options["outcome"], options["cohort"], reaches=options.get("reaches"),
                         covariates=tuple(options.get("covariates", ())))  # fmt: skip
        options |= {"unit": "unit", "time": "time", "catalog": home.catalog}
    return found
