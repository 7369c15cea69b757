"""Figures of modelled measures: an estimator of ``methods/`` made the number, and Figures stand behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from steelyard.errors import UsageError
from steelyard.evidence.merkle import root
from steelyard.model.figure import GRADES
from steelyard.model.period import Period
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.weigh.keep import Weighed, keep
from steelyard.weigh.lineage import Behind


@dataclass(frozen=True)
class Modelled:
    """One result: of whom, for when, how large, from how many (``heard`` of ``among``), and words that belong to it."""

    subject: str
    period: Period
    value: float
    low: float
    high: float
    heard: float
    among: float
    flags: tuple[str, ...] = ()


def keep_modelled(home: Home, name: str, results: Iterable[Modelled], figures: pa.Table) -> Weighed:
    """Seal results of a modelled measure, named with its parameters in brackets, as estimated Figures.

    ``figures`` (columns digest, grade, flags) are all that they rest on: the weakest grade is inherited, and synthetic data stay
    labelled. Raises UsageError where the measure is not modelled or there is nothing behind it.
    """
    measure = home.catalog.measure(name)
    total = Weighed(measure.name)
    found = list(results)
    if measure.how != "modelled" or not measure.chosen or not figures.num_rows:
        raise UsageError("SY114", name=name)
    digests = tuple(sorted(set(figures["digest"].to_pylist())))
    rank = min(map(GRADES.index, figures["grade"].unique().to_pylist()))
    synthetic = any("synthetic" in flags for flags in figures["flags"].to_pylist())
    behind = Behind(root(digests), digests, rank, synthetic)
    rows = pa.table({
        "subject": [one.subject for one in found], "start": [one.period.start for one in found], "end": [one.period.end for one in found],
        **{key: [float(getattr(one, key)) for one in found] for key in ("value", "low", "high", "heard", "among")},
        "flags": [",".join(one.flags) for one in found], "rank": pa.nulls(len(found), pa.int32()),
    })  # fmt: skip
    if found:
        day = max((one.period for one in found), key=lambda period: period.end).last_day(home.zone)
        with engine(home.path) as opened:
            keep(home, opened, measure, day, rows, [behind] * len(found), total, estimated=True)
    return total
