"""Which of the Figures that came are no news: told later by the same home, or copies of what another told itself."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from steelyard.model.period import Period
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.store.ledger import bundles

KEY = ("subject", "measure", "start", "end")
Mask = npt.NDArray[np.bool_]


def told_later(home: Home, connection: sa.Connection, told: pa.Table, provider: str, made: int) -> Mask:
    """Which Figures of a bundle that a home made at a time were told here for the same key by one that it made later.

    Figures came with the bundles that were taken first after they were sealed.
    """
    batches: dict[int, int] = {}
    for row in connection.execute(sa.select(bundles.c.made, bundles.c.taken).where(bundles.c.provider == provider)):
        batches[row.taken] = max(row.made, batches.get(row.taken, row.made))
    taken = sorted(batches)
    newer = set()
    for measure in pc.unique(told["measure"]).to_pylist():
        here = home.figures(measure)
        here = here.filter(pc.equal(here["home"], provider))
        for *key, known in zip(*(here[name].to_pylist() for name in (*KEY, "known")), strict=True):
            place = bisect_left(taken, known)
            if place < len(taken) and batches[taken[place]] > made:
                newer.add(tuple(key))
    return np.array([key in newer for key in zip(*(told[name].to_pylist() for name in KEY), strict=True)], np.bool_)


def copies(home: Home, handed: pa.Table, replaced: pa.ChunkedArray) -> Mask:
    """Which Figures were handed on only: told here already by another home, or corrected since by what is here or comes now.

    A copy of what was corrected would else become current again, for it comes last.
    """
    known = set(pc.drop_null(replaced).to_pylist())
    span = Period(pc.min(handed["start"]).as_py(), pc.max(handed["end"]).as_py())
    with engine(home.path) as opened:
        opened.register("coming", handed.select(["digest", "told"]))
        for measure in pc.unique(handed["measure"]).to_pylist():
            at_rest.view(home, opened, "here", measure, span, within=True, corrected=True)
            known |= {row[0] for row in opened.rows("""
                SELECT c.digest FROM coming c JOIN here h ON h.digest = c.digest WHERE h.home <> c.told
                UNION ALL SELECT c.digest FROM coming c JOIN here h ON h.replaces = c.digest""")}  # fmt: skip
    return np.array([digest in known for digest in handed["digest"].to_pylist()], np.bool_)
