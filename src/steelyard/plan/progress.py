"""Where the plan stands: every target against its Figures, a row for each definition, and the firms behind a share that moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from steelyard.errors import InputError, SteelyardError
from steelyard.methods.distance import distance
from steelyard.model.measure import Measure
from steelyard.model.period import Period, iso, label, year_at
from steelyard.plan import flows as roster
from steelyard.plan.progress_places import Place, nation_of, place_of, places
from steelyard.plan.progress_published import claims
from steelyard.plan.progress_targets import Target, targets
from steelyard.store.home import Home

Document = dict[str, Any]
FIELDS = ("value", "low", "high", "heard", "among", "grade", "estimated")


class Held:
    """The current Figures of a measure, with its variants, for one place; each asked of the home once."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._found: dict[tuple[str, str], list[Document]] = {}

    def of(self, name: str, subject: str) -> list[Document]:
        """Figures of ``name`` and of its variants with parameters, each with its ``span``."""
        if (name, subject) not in self._found:
            rows = self.home.figures(f"{name}*", subject).to_pylist()
            own = (row for row in rows if row["measure"].partition("[")[0] == name)
            self._found[name, subject] = [{**row, "span": Period(row["start"], row["end"])} for row in own]
        return self._found[name, subject]

    def exactly(self, name: str, subject: str) -> list[Document]:
        """Figures of one variant."""
        return [row for row in self.of(name.partition("[")[0], subject) if row["measure"] == name]


def progress(home: Home, asked: str = "", period: Period | None = None, since: Period | None = None) -> Document:
    """Every target of the plan for a place: its Figures, their distance, claims beside them; and the flows of firms.

    ``period``: exactly this one (without: the newest of each Figure); ``since``: the earlier period of the flows (without: the newest
    before of the same length). Raises UsageError SY881, SY882 where the place is not known.
    """
    known = places(home)
    place = place_of(home, known, asked)
    nation = nation_of(known)
    held = Held(home)
    found = [_target(held, target, place, nation, period) for target in targets(home.catalog)]
    rows = {
        row["measure"]: row
        for target in found
        for row in target["rows"]
        if "value" in row and row["place"]["id"] == place.id
    }
    moved = [
        _moved(held, home.catalog.measure(name), place, known, row, since)
        for name, row in rows.items() if home.catalog.measure(name).how == "rolled"
    ]  # fmt: skip
    synthetic = any("synthetic" in row.get("flags", ()) for target in found for row in target["rows"])
    return {"place": place.document(), "period": label(period, home.zone) if period else None, "synthetic": synthetic,
            "targets": found, "flows": moved}  # fmt: skip


def said(error: SteelyardError) -> Document:
    """What stands in the place of a number that there is not: code, what, and what to do."""
    return {"code": error.code, "what": error.say(), "do": error.remedy()}


def _target(held: Held, target: Target, place: Place, nation: Place | None, period: Period | None) -> Document:
    about = {
        "id": target.id, "label": target.label, "by": target.by, "value": target.value, "beyond": target.beyond, "unit": target.unit,
        "addressed_to": list(target.of), "status": target.status, "source": target.source, "note": target.note,
    }  # fmt: skip
    if target.unanswerable:
        return {**about, "rows": [], "claims": [], "not_answerable": target.unanswerable}
    home = held.home
    names = [name for name in target.measures if place.kind in home.catalog.measures[name].of]
    rows = [row for name in names for row in _rows(held, target, name, place, nation, period)]
    here = [place.id, *([nation.id] if nation else ["CN-100000"])]
    beside = claims(home, target.claims, here, period.end if period else home.now()) if target.claims else []
    reason = {"zh": f"没有适用于此类对象（{place.kind}）的指标", "en": f"no measure of it speaks of a {place.kind}"}
    return {**about, "rows": rows, "claims": beside, **({} if names else {"not_answerable": reason})}


def _rows(
    held: Held, target: Target, name: str, place: Place, nation: Place | None, period: Period | None
) -> Iterator[Document]:
    """A row for each definition, with parameters chosen by hand apart; of a place without a Figure the nation's published ones."""
    measure = held.home.catalog.measures[name]
    for whom in (place, nation):
        if whom is None or (whom is not place and measure.inputs != ("published",)):
            continue
        newest = _newest(held.of(name, whom.id), period)
        if newest:
            yield from (_row(held.home, target, measure, whom, figure) for figure in newest)
            return
    yield {
        **_definition(measure, measure.name),
        "place": place.document(),
        "missing": _why(held, measure, place, period),
    }


def _newest(figures: Iterable[Document], period: Period | None) -> list[Document]:
    """Of each variant of a measure the Figure of the period, or of the newest one, the longest where several end then."""
    found: dict[str, Document] = {}
    for figure in figures:
        if period in (None, figure["span"]):
            before = found.get(figure["measure"])
            if before is None or (figure["end"], -figure["start"]) > (before["end"], -before["start"]):
                found[figure["measure"]] = figure
    return [found[variant] for variant in sorted(found)]


def _definition(measure: Measure, name: str) -> Document:
    """Which definition a row is of; one that only reads what others published is a claim set into Figures."""
    return {
        "measure": name, "label": measure.label, "status": measure.status, "ours": measure.status == "ours",
        "rests_on_claims": measure.inputs == ("published",),
    }  # fmt: skip


def _row(home: Home, target: Target, measure: Measure, whom: Place, figure: Document) -> Document:
    firms = figure["among"] if target.counts == "firms" else None
    far = distance(target.value or 0.0, (figure["value"], figure["low"], figure["high"]), times=target.times, among=firms,
                   beyond=target.beyond)  # fmt: skip
    span = figure["span"]
    return {
        **_definition(measure, figure["measure"]), "place": whom.document(), "period": label(span, home.zone),
        "as_of": span.last_day(home.zone), "known": iso(figure["known"]), "counts": target.counts,
        **{key: figure[key] for key in FIELDS}, "flags": list(figure["flags"]), "digest": figure["digest"].hex(),
        "addressed": whom.level in target.of, "in_target_unit": {key: getattr(far, key) for key in ("value", "low", "high")},
        "distance": {key: value for key, value in asdict(far).items() if key not in ("value", "low", "high")},
    }  # fmt: skip


def _why(held: Held, measure: Measure, place: Place, period: Period | None) -> Document:
    """Why there is no Figure: no firms, none weighed for this period, or none at all."""
    home = held.home
    span = period or year_at(home.now(), home.zone)
    if measure.how == "rolled" and not roster.listed(home, measure, place.id, span)[0]:
        told = {"region": place.id, "roster": measure.rule["roster"], "period": label(span, home.zone)}
        return said(InputError("SY895", place.id, **told))
    others = dict.fromkeys(label(row["span"], home.zone) for row in held.exactly(measure.name, place.id))
    if measure.inputs == ("published",) and not others:
        return said(InputError("SY899", place.id, name=measure.id, tables=home.path))
    told = {"name": measure.id, "place": place.id, "period": label(span, home.zone), "others": ", ".join(others) or "–"}
    return said(InputError("SY896", place.id, **told))


def _moved(
    held: Held, measure: Measure, place: Place, known: dict[str, Place], row: Document, since: Period | None
) -> Document:
    """The flows behind a share, or the sentence why they are not told."""
    home, figures = held.home, held.exactly(measure.name, place.id)
    after = next(figure["span"] for figure in figures if figure["digest"].hex() == row["digest"])
    about = {"measure": measure.name, "label": measure.label, "place": place.document(), "after": row["period"]}
    before = since or _before(home, figures, after)
    if before is None or before.start >= after.start:
        told = {"name": measure.name, "place": place.id, "period": row["period"]}
        return {**about, "why": said(InputError("SY894", place.id, **told))}
    about["before"] = label(before, home.zone)
    below = [other.id for other in known.values() if place.holds(other)]
    missing = roster.gaps(home, measure, [place.id, *below], roster.periods_from(before, after, home))
    if missing:
        return {**about, "why": said(roster.refused(missing[0], measure.rule["roster"])), "gaps": missing}
    found = roster.between(home, measure, place.id, before, after)
    return {**about, **_told(found), "notes": list(_doubts(held, measure, place, found, row))}


def _before(home: Home, figures: Iterable[Document], after: Period) -> Period | None:
    """The newest earlier period of the same calendar length that has a Figure."""
    length = len(label(after, home.zone))
    spans = (figure["span"] for figure in figures)
    earlier = [span for span in spans if span.end <= after.start and len(label(span, home.zone)) == length]
    return max(earlier, default=None, key=lambda span: span.end)


def _told(found: roster.Between) -> Document:
    moved = found.flows
    counts = {
        key: getattr(moved, key)
        for key in ("opened", "entered", "left", "stayed", "closed", "heard_before", "heard_after", "both")
    }
    ends = {
        key: None if (share := getattr(moved, key)) is None else float(share) for key in ("before", "after", "change")
    }
    parts = None if moved.parts is None else {key: float(part) for key, part in moved.parts.items()}
    return {
        "firms": counts,
        "share_before": ends["before"],
        "share_after": ends["after"],
        "change": ends["change"],
        "parts": parts,
    }


def _doubts(held: Held, measure: Measure, place: Place, found: roster.Between, row: Document) -> Iterator[Document]:
    """What makes flows doubtful: rows that changed since the Figures were weighed, firms of which it is not known since when."""
    home = held.home
    earlier = [one for one in held.exactly(measure.name, place.id) if one["span"] == found.before]
    pairs = [(found.before, earlier[0], found.flows.opened, found.flows.heard_before)] if earlier else []
    pairs.append((found.after, row, found.flows.closed, found.flows.heard_after))
    for span, figure, firms, heard in pairs:
        if (figure["among"], figure["heard"]) != (firms, heard):
            yield said(InputError("SY898", place.id, period=label(span, home.zone), firms=firms, heard=heard, among=f"{figure['among']:g}",
                                  told=f"{figure['heard']:g}", name=measure.name))  # fmt: skip
    firms, undated = roster.listed(home, measure, place.id, found.after)
    if undated:
        yield said(InputError("SY897", place.id, n=undated, firms=firms, roster=measure.rule["roster"]))
