"""The commands below ``audit``: seed, close, draw, verify, weigh, list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from steelyard.plan.audit_draw import Wanted
    from steelyard.plan.audit_weigh import Audited
    from steelyard.store.home import Home
    from steelyard.take.audit import Audit

app = App(name="audit", help="How much of a reported coverage is true: draw firms to inspect, weigh what was found 抽查.",
          help_format="plaintext")  # fmt: skip
JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]
Flag = Annotated[bool, Parameter(negative="")]


@app.command
def seed(home: HomePath, *, measure: str, period: str, by: str = "region,size,level", place: str = "", beacon: str = "",
         json: JSON = False) -> int:  # fmt: skip
    """Seal the seed of an audit, before the claims are closed 封存种子.

    Parameters
    ----------
    measure
        The coverage that is audited, such as coverage/sme2024-level2.
    period
        Of which period.
    by
        What strata are made of, joined by commas: province, region (city), county, industry, size, level.
    place
        The region, park, chain or cluster; the home's own subject when left out.
    beacon
        A public event after the closing of claims whose outcome is mixed in, such as a lottery and its number.
    """
    from steelyard.cli.weighing import period_of
    from steelyard.plan import audit_draw
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        made = audit_draw.seal_seed(opened, measure, period_of(period, opened.zone), by, place=place, beacon=beacon)
        return _say(_state(opened, made), json=json)


@app.command
def close(home: HomePath, *, measure: str, period: str, place: str = "", out: Annotated[Path | None, Parameter(name=("--out", "-o"))] = None,
          json: JSON = False) -> int:  # fmt: skip
    """Close the claims: what is claimed after this does not count in the audit 申报封账.

    Parameters
    ----------
    measure
        The coverage that is audited.
    period
        Of which period.
    place
        As of the seed.
    out
        A CSV of the claims as closed; its SHA-256 is what enters the draw.
    """
    from steelyard.plan import audit_draw
    from steelyard.store.home import Home
    from steelyard.store.lake import write_bytes
    from steelyard.take.audit import claims_of, claims_text

    with Home.open(home) as opened:
        made = audit_draw.close(opened, _waiting(opened, measure, period, place))
        if out:
            write_bytes(out, claims_text(claims_of(opened, made)))
        return _say(_state(opened, made), json=json)


@app.command
def draw(
    home: HomePath, *, measure: str, period: str, margin: float, confidence: float | None = None, by: str = "", place: str = "",
    cost: Path | None = None, budget: float | None = None, outcome: str = "", overstated: float | None = None,
    understated: float | None = None, earlier: str = "", unheard: Flag = False,
    out: Annotated[Path | None, Parameter(name=("--out", "-o"))] = None, json: JSON = False,
) -> int:  # fmt: skip
    """Draw the firms to inspect, at least cost for a margin, and seal the draw 抽样.

    Parameters
    ----------
    measure
        The coverage that is audited.
    period
        Of which period.
    margin
        To either side, as a share: 0.02.
    confidence
        As a share: 0.95.
    by
        What strata are made of; it was sealed with the seed, and must be the same.
    place
        As of the seed.
    cost
        A CSV with columns region (city code or *), size (or *), cost; else the table inspection_costs; else each costs 1.
    budget
        At most so much, in the unit of the costs.
    outcome
        The outcome of the public event that was named with the seed.
    overstated
        The share of claims expected not to hold; 0.1 (ours) when left out.
    understated
        The share of firms that claim less and are expected to be covered all the same; 0.02 (ours) when left out.
    earlier
        An earlier audit, by its id: its findings lead the expectation by stratum.
    unheard
        Draw from firms of the list that were not heard, too.
    out
        A CSV of the firms drawn, for inspectors.
    """
    from steelyard.plan import audit_draw
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        of = _waiting(opened, measure, period, place)
        _same_parts(of, by)
        wanted = _wanted(opened, margin, confidence, cost, budget, outcome, overstated, understated, earlier, unheard)
        made = audit_draw.draw(opened, of, wanted)
        return _told(opened, made, out, _spare(opened, made, wanted), json=json)


@app.command
def verify(home: HomePath, *, draw: str, json: JSON = False) -> int:
    """Recompute a draw from the sealed seed and claims; exit status 1 where the sample is not the one that follows 复核抽样.

    Parameters
    ----------
    draw
        The audit, by its id.
    """
    from steelyard.cli.say import as_json, table
    from steelyard.plan.audit_verify import verify_audit
    from steelyard.store.home import Home
    from steelyard.take.audit import audit

    with Home.open(home) as opened:
        found = verify_audit(opened, audit(opened, draw))
    holds = all(one.holds for one in found)
    if json:
        as_json({"holds": holds, "checks": [vars(one) for one in found]})
    else:
        table(("", "", ""), [(one.name, "✓" if one.holds else "✗", one.seen) for one in found])
    return 0 if holds else 1


@app.command
def weigh(home: HomePath, *, draw: str, confidence: float | None = None, partial: Flag = False, keep: Flag = False,
          json: JSON = False) -> int:  # fmt: skip
    """Correct a reported coverage by the inspections of a draw, with interval, by stratum, beside what was reported 校正.

    Parameters
    ----------
    draw
        The audit, by its id.
    confidence
        As a share; 0.95 when left out.
    partial
        Count visits that asked a part of the items, too: the firm is taken at its word for the others.
    keep
        Seal the result as an estimated Figure of audit/coverage.
    """
    from steelyard.cli.say import as_json, note, table
    from steelyard.errors import language
    from steelyard.plan import audit_weigh
    from steelyard.plan.audit_words import result_words, share
    from steelyard.store.home import Home
    from steelyard.take.audit import audit

    _able()
    with Home.open(home) as opened:
        done = audit_weigh.weigh_audit(opened, audit(opened, draw), confidence=confidence, partial=partial)
        kept = _kept(opened, done) if keep else {}
    if json:
        as_json(_document(done) | ({"figure": kept} if keep else {}))
        return 0
    for line in result_words(done, language()):
        print(line)
    table(("stratum", "claims", "firms", "drawn", "inspected", "wrong", "low", "high"),
          [(row["label"], row["claims"], row["among"], row["drawn"], row["inspected"], *(share(row[key]) for key in ("wrong", "low", "high")))
           for row in _strata(done)])  # fmt: skip
    for one in (*done.findings.refused, *audit_weigh.notes(done)):
        note(f"{one.code} {one.where}: {one.say()} → {one.remedy()}")
    if keep:
        table([], list(kept.items()))
    return 0


@app.command(name="list")
def list_(home: HomePath, *, json: JSON = False) -> int:
    """List the audits of a home and how far each is 抽查一览."""
    from steelyard.cli.say import as_json, table
    from steelyard.store.home import Home
    from steelyard.take.audit import audits

    with Home.open(home) as opened:
        rows = [_state(opened, one) for one in audits(opened)]
    if json:
        as_json(rows)
    elif rows:
        table(list(rows[0]), [list(row.values()) for row in rows])
    return 0


def _able() -> None:
    """Raises UsageError SY864 without the library that exact limits need."""
    import importlib.util

    from steelyard.errors import UsageError

    if importlib.util.find_spec("scipy") is None:
        raise UsageError("SY864")


def _waiting(home: Home, measure: str, period: str, place: str) -> Audit:
    from steelyard.cli.weighing import period_of
    from steelyard.plan import audit_draw
    from steelyard.plan.audit_frame import coverage_of

    span = period_of(period, home.zone)
    return audit_draw.waiting(home, coverage_of(home, measure, span).name, span, place)


def _same_parts(of: Audit, by: str) -> None:
    from steelyard.errors import UsageError
    from steelyard.plan.audit_frame import parts_of

    if by and set(parts_of(by)) != set(of.by):
        raise UsageError("SY861", by=by, known=f"{','.join(of.by)} ({of.id})")


def _wanted(
    home: Home, margin: float, confidence: float | None, cost: Path | None, budget: float | None, outcome: str,
    overstated: float | None, understated: float | None, earlier: str, unheard: bool,
) -> Wanted:  # fmt: skip
    from steelyard.plan.audit_costs import costs_of
    from steelyard.plan.audit_draw import Wanted, usual
    from steelyard.plan.audit_weigh import rates, weigh_audit
    from steelyard.take.audit import audit

    expected = {
        "yes": usual(home, "overstated") if overstated is None else overstated,
        "no": usual(home, "understated") if understated is None else understated,
        "unheard": usual(home, "unheard"),
    }
    if earlier:
        _able()
    before = rates(weigh_audit(home, audit(home, earlier))) if earlier else {}
    sure = usual(home, "confidence") if confidence is None else confidence
    return Wanted(
        margin, sure, expected, usual(home, "leaning"), before, costs_of(home, cost), budget, unheard, outcome.strip()
    )


def _spare(home: Home, of: Audit, wanted: Wanted) -> list[str]:
    """The rows of costs for which there is no firm."""
    from steelyard.plan.audit_costs import strangers
    from steelyard.take.audit import claims_of

    return strangers(wanted.costs, claims_of(home, of))


def _told(home: Home, made: Audit, out: Path | None, spare: list[str], *, json: bool) -> int:
    """Say a draw, and write the list for inspectors."""
    from steelyard.cli.say import as_json, table
    from steelyard.errors import language
    from steelyard.plan.audit_words import drawn_words, named
    from steelyard.store.lake import write_bytes
    from steelyard.take.audit import sample_of, strata_of

    strata, sample = strata_of(home, made), sample_of(home, made)
    if out:
        write_bytes(out, _listed(home, strata, sample))
    if json:
        told = ("stratum", "label", "claims", "among", "size", "expected", "cost")
        as_json(_state(home, made) | {key: made.design[key] for key in ("margin", "confidence", "cost", "bound", "reached")} | {
            "costs_without_firms": spare, "strata": [{key: row[key] for key in told} for row in strata],
            "sample": [{key: row[key] for key in ("enterprise", "stratum", "rank")} for row in sample]})  # fmt: skip
        return 0
    for line in drawn_words(made, strata, language()):
        print(line)
    if spare:
        print({"zh": "没有企业的费用行：", "en": "rows of costs without firms: "}[language()] + named(spare))
    table(("stratum", "claims", "firms", "drawn", "expected wrong", "cost"),
          [(row["label"], row["claims"], row["among"], row["size"], f"{row['expected']:.1%}", f"{row['cost']:g}") for row in strata])  # fmt: skip
    return 0


def _listed(home: Home, strata: list[dict[str, Any]], sample: list[dict[str, Any]]) -> bytes:
    """The firms drawn as CSV, in the order of a visit's plan: stratum, rank."""
    import csv
    import io

    from steelyard.plan.audit_frame import names_of

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("enterprise", "name", "stratum", "claims", "rank"))
    names = names_of(home)
    for row in sample:
        of = strata[row["stratum"]]
        writer.writerow((row["enterprise"], names.get(row["enterprise"], ""), of["label"], of["claims"], row["rank"]))
    return out.getvalue().encode()


def _state(home: Home, of: Audit) -> dict[str, Any]:
    """How far an audit is, for people and programs."""
    from steelyard.model.period import iso, label
    from steelyard.take.audit import claims_digest, claims_of

    claims = claims_of(home, of) if of.closing else []
    return {
        "audit": of.id, "measure": of.measure, "period": label(of.period, home.zone), "place": of.place, "by": ",".join(of.by),
        "attempt": of.attempt, "beacon": of.beacon, "commitment": of.commitment, "seeded": iso(of.seed.at),
        "closed": iso(of.closing.at) if of.closing else "", "claims": claims_digest(claims) if claims else "", "firms": len(claims) or "",
        "drawn": iso(of.drawing.at) if of.drawing else "", "secret": of.secret, "outcome": of.outcome,
    }  # fmt: skip


def _say(state: dict[str, Any], *, json: bool) -> int:
    from steelyard.cli.say import as_json, table

    as_json(state) if json else table([], [(name, value) for name, value in state.items() if value != ""])
    return 0


def _kept(home: Home, done: Audited) -> dict[str, Any]:
    """What sealing the result came to, for people and programs."""
    from steelyard.plan.audit_weigh import keep

    kept, digest = keep(home, done)
    return {
        "measure": kept.measure,
        "made": kept.made,
        "replaced": kept.replaced,
        "unchanged": kept.unchanged,
        "digest": digest,
    }


def _strata(done: Audited) -> list[dict[str, Any]]:
    """A stratum's row with what was found; None where nobody was inspected."""
    wrong, sample = done.corrected.wrong, done.sample
    return [
        {"label": row["label"], "claims": row["claims"], "among": row["among"], "drawn": int(sample.drawn[i]),
         "inspected": int(sample.heard[i]), "holds": int(sample.holds[i]),
         "wrong": float(wrong.value[i]) if sample.heard[i] else None, "low": float(wrong.low[i]), "high": float(wrong.high[i])}
        for i, row in enumerate(done.strata)
    ]  # fmt: skip


def _document(done: Audited) -> dict[str, Any]:
    """The whole result as JSON."""
    from steelyard.plan.audit_weigh import notes

    found = done.corrected
    said = [
        {"code": one.code, "firm": one.where, "what": one.say(), "do": one.remedy()} for one in done.findings.refused
    ]
    since = [{"code": one.code, "firm": one.where, "what": one.say(), "do": one.remedy()} for one in notes(done)]
    return {
        "audit": done.audit.id, "measure": done.audit.measure, "place": done.audit.place, "confidence": done.confidence,
        "estimated": True, "status": "ours", "reported": vars(done.reported),
        "corrected": vars(found.coverage) | {"inspected": int(done.sample.heard.sum()), "among": done.firms},
        "holding": vars(found.holding), "excess": vars(found.excess), "whole_roster": done.whole,
        "roster": {"low": done.roster[0], "high": done.roster[1], "among": done.reported.listed},
        "drawn": int(done.sample.drawn.sum()), "not_inspected": done.silent, "outside": done.findings.outside, "again": done.findings.again,
        "refused": said, "since_closing": since, "strata": _strata(done),
    }  # fmt: skip
