"""Which edition of a framework may be weighed for a day: the one in force then, and drafts, which say what they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from steelyard.catalog import Catalog
from steelyard.errors import InputError
from steelyard.model.measure import Measure

NOT_IN_FORCE = "not_in_force"


def out_of_force(catalog: Catalog, measure: Measure, day: str) -> bool:
    """Whether a measure stands in an edition that is in force at some time, and not on an ISO day."""
    edition = catalog.edition(measure.id)
    return edition is not None and edition.in_force is not None and not edition.holds_on(day)


def check(catalog: Catalog, measures: Iterable[Measure], days: Sequence[str]) -> None:
    """Raise InputError when one of the measures is not in force on any of the days: nothing would be made."""
    for measure in measures:
        if all(out_of_force(catalog, measure, day) for day in days):
            edition = catalog.edition(measure.id)
            since, until = (edition.in_force, edition.until) if edition else ("", "")
            raise InputError("SY700", measure.id, day=days[-1], since=since, until=until or "–")


def flags(catalog: Catalog, measure: Measure) -> tuple[str, ...]:
    """What every Figure of a measure bears: that its edition never came into force."""
    edition = catalog.edition(measure.id)
    return (NOT_IN_FORCE,) if edition is not None and edition.in_force is None else ()
