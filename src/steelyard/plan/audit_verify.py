"""Whether the sample of an audit is the one that follows from its sealed seed and claims: recomputed, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.errors import SteelyardError, UsageError
from steelyard.methods.audit.allocation import allocate, variance
from steelyard.model.period import iso
from steelyard.plan.audit_draw import Frame, drawn, frame_of
from steelyard.store.home import Home
from steelyard.take import audit as sealed
from steelyard.take.audit import STEPS, Audit, Step
from steelyard.trace.checks import Checks


@dataclass(frozen=True)
class Checked:
    """One thing that was looked at: its name, whether it holds, and what was seen."""

    name: str
    holds: bool
    seen: str


def verify_audit(home: Home, of: Audit) -> list[Checked]:
    """Everything that says that nobody chose; raises UsageError SY865 before the draw."""
    if of.closing is None or of.drawing is None:
        raise UsageError("SY865", audit=of.id)
    steps = (of.seed, of.closing, of.drawing)
    found = [_bytes(home, steps), _once(home, of), _order(steps)]
    found.append(Checked("secret", sealed.honest(home, of), of.commitment))
    if not found[0].holds:
        return found  # what was changed is not read
    digest = sealed.claims_digest(sealed.claims_of(home, of))
    found.append(Checked("claims", digest == of.design["claims"], digest))
    found.append(Checked("beacon", bool(of.beacon) == bool(of.outcome), f"{of.beacon} {of.outcome}".strip() or "–"))
    try:
        found += _sample(home, of, digest)
    except (SteelyardError, ValueError) as error:
        found.append(
            Checked("sample", holds=False, seen=error.say() if isinstance(error, SteelyardError) else str(error))
        )
    return found


def _bytes(home: Home, steps: tuple[Step, ...]) -> Checked:
    """Leaves, their seals and their bytes are what was sealed, those of the strata and the sample too."""
    checks = Checks(home)
    name = steps[-1].leaf.header["source"]["file"]
    beside = [leaf for kind in ("audit_strata", "audit_samples") for leaf in home.leaves(kind=kind)
              if leaf.header["source"]["file"] == name][:2]  # fmt: skip
    digests = [step.leaf.digest for step in steps] + [leaf.digest for leaf in beside]
    seen = [checks.leaf(digest) for digest in digests]
    wrong = [one[1] for one in seen if one and one[1]]
    return Checked("bytes", not wrong, "; ".join(wrong) or f"{len(digests)} leaves")


def _once(home: Home, of: Audit) -> Checked:
    """Each step was sealed once: a second one would be a second try."""
    times = {
        table: sum(leaf.header["source"]["file"].endswith(f" {of.id}") for leaf in home.leaves(kind=table))
        for table in (*STEPS, "audit_strata", "audit_samples")
    }
    return Checked("once", all(time == 1 for time in times.values()), " ".join(f"{k} {v}" for k, v in times.items()))


def _order(steps: tuple[Step, ...]) -> Checked:
    """Seed before claims before draw, by the numbers of their seals, which are chained."""
    seals = [step.seal for step in steps]
    seen = " < ".join(f"{step.seal} ({iso(step.at)})" for step in steps)
    return Checked("order", seals == sorted(set(seals)) and seals[0] > 0, seen)


def _sample(home: Home, of: Audit, digest: str) -> list[Checked]:
    """The strata follow from the claims, the sizes from what was sealed, the firms from the seed."""
    strata, chosen = sealed.strata_of(home, of), sealed.sample_of(home, of)
    frame = frame_of(home, of, whole=any(row["claims"] == "unheard" for row in strata))
    said = [((row["label"], row["claims"]), row["among"]) for row in strata]
    same = said == list(zip(frame.keys, frame.among.tolist(), strict=True))
    out = [Checked("strata", same, f"{len(strata)}")]
    if not same:
        return out
    size = np.array([row["size"] for row in strata])
    wanted = _sizes(of, frame, np.array([row["expected"] for row in strata]), np.array([row["cost"] for row in strata]))
    out.append(Checked("sizes", bool((size == wanted).all()), f"{int(size.sum())}"))
    seed = sealed.seed_of(of.secret, digest, of.outcome)
    follows = drawn(frame, seed, size)
    kept = [{name: row[name] for name in ("enterprise", "stratum", "rank")} for row in chosen]
    return [*out, Checked("sample", follows == kept, seed)]


def _sizes(of: Audit, frame: Frame, expected: np.ndarray, cost: np.ndarray) -> np.ndarray:
    design = of.design
    return allocate(frame.among, variance(expected, frame.among), cost, design["margin"], design["confidence"]).size
