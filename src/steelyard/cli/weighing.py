"""The command ``weigh``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from steelyard.catalog.catalog import Catalog, near
from steelyard.cli.say import as_json, note, table
from steelyard.errors import UsageError
from steelyard.model.period import Period, instant, micros, parse
from steelyard.store.address import keep_address
from steelyard.store.home import Home
from steelyard.take import bind
from steelyard.weigh import weigh
from steelyard.weigh.periods import KNOWN, parts

_DAY = re.compile(r"\d{4}(-\d\d){0,2}$")


def weigh_measures(
    home_path: Path, names: Sequence[str], period: str, subject: str | None, each: str | None, *, json: bool,
    at: str | None = None, always: bool = False,
) -> int:  # fmt: skip
    """Weigh, and print for each measure how many Figures were made, replaced, left unchanged."""
    with Home.open(home_path) as home:
        bind(home)
        span = period_of(period, home.zone)
        if each and each not in KNOWN:
            raise UsageError("SY101", why=f"--each {each}: {', '.join(KNOWN)}")
        periods = parts(home, span, each) if each else [span]
        done = weigh(
            home, _named(names, home.catalog), periods, subject, progress=lambda name: note(f"… {name}"), at=at
        )
        if always and at is not None:
            keep_address(home, at)
    rows = [(w.measure, w.made, w.replaced, w.unchanged) for w in done]
    if json:
        as_json([dict(zip(("measure", "made", "replaced", "unchanged"), row, strict=True)) for row in rows])
    else:
        table(("measure", "made", "replaced", "unchanged"), rows)
    return 0


def _named(names: Sequence[str], catalog: Catalog) -> list[str]:
    """Measures by their names; a * stands for any rest: ``iso22400/*``. Raises UsageError where a pattern fits none."""
    found: list[str] = []
    for name in names:
        fitting = fnmatch.filter(sorted(catalog.measures), name) if "*" in name else [name]
        if not fitting:
            raise UsageError("SY102", name=name, near=", ".join(near(name, catalog.measures)) or "steelyard measures")
        found += fitting
    return found


def period_of(text: str, zone: ZoneInfo) -> Period:
    """A period as people write it; raises UsageError."""
    try:
        return parse(text, zone)
    except (ValueError, OverflowError) as error:
        raise UsageError("SY109", text=text) from error


def moment_of(text: str, zone: ZoneInfo) -> int:
    """The end of a day, month or year, or a time, in microseconds UTC; raises UsageError."""
    try:
        return parse(text, zone).end - 1 if _DAY.match(text) else micros(instant(text, zone))
    except (ValueError, OverflowError) as error:
        raise UsageError("SY109", text=text) from error
