"""Simulated homes of single firms, and the province that hears from them: keys and bundles without ten thousand folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard import share
from steelyard.catalog.catalog import SHIPPED, Catalog, load
from steelyard.catalog.method import method_document
from steelyard.evidence.canonical import digest
from steelyard.evidence.lots import NAMED
from steelyard.evidence.record import SCHEMA, figure_digests
from steelyard.evidence.seal import Key, fingerprint
from steelyard.model.measure import Measure
from steelyard.model.offer import Offer
from steelyard.model.period import Period, parse
from steelyard.share.pack import bundle_bytes
from steelyard.store.home import Home

FIRST = "sme2024/level"
DAY, DAY_OF_METHODS = 86_400_000_000, "2026-09-01"
_LEVELS = 5


class Firm:
    """A firm with a home of its own: its id, its key, and how far it has packed."""

    def __init__(self, number: int) -> None:
        self.id = f"E-440300-{number:05d}"
        self.name = f"第{number}号企业（合成）"
        self.key = Key.new()
        self.home = fingerprint(self.key.public)
        self.packed = 0


class Province:
    """A province's home below a folder, and firms that send to it. Values are made up, and every Figure says so."""

    def __init__(self, below: Path, *, seed: int = 1, figures: int = 20) -> None:
        self.path = below / "province"
        self.home = Home.create(self.path, name="省（合成）", kind="region", subject="CN-440000")
        self.figures = figures
        self.firms: list[Firm] = []
        self._random = np.random.default_rng(seed)

    def trust(self, count: int) -> None:
        """Trust so many new firms."""
        new = [Firm(len(self.firms) + i) for i in range(count)]
        share.trust_many(self.home, [(firm.key.public.hex(), firm.name, firm.id, 92.0) for firm in new])
        self.firms += new

    @cached_property
    def _catalog(self) -> Catalog:
        return load((SHIPPED,))

    @cached_property
    def measures(self) -> list[Measure]:
        """What a firm tells each month: its level first, then others of an enterprise, those with the shortest methods."""
        found = [one for one in self._catalog.measures.values()
                 if "enterprise" in one.of and one.how in ("read", "judged") and one.id != FIRST]  # fmt: skip
        size = {one.id: len(repr(method_document(self._catalog, one, DAY_OF_METHODS))) for one in found}
        return [self._catalog.measure(FIRST), *sorted(found, key=lambda one: (size[one.id], one.id))][: self.figures]

    @cached_property
    def _methods(self) -> dict[str, dict[str, Any]]:
        """The text of each measure's method, by measure."""
        return {one.id: method_document(self._catalog, one, DAY_OF_METHODS) for one in self.measures}

    @cached_property
    def _digests(self) -> dict[str, bytes]:
        return {name: digest(text) for name, text in self._methods.items()}

    def bundle(self, firm: int, period: str, level: int | None = None) -> bytes:
        """The next bundle of a firm, with its Figures of a period; the level is drawn unless it is given."""
        sender = self.firms[firm]
        sender.packed += 1
        now = self.home.now()
        subjects = pa.table({name: pa.array([{"id": sender.id, "kind": "enterprise", "name_zh": sender.name}.get(name)], pa.string())
                             for name in NAMED})  # fmt: skip
        provider = {"id": sender.home, "name": sender.name, "kind": "factory", "subject": sender.id}
        methods = {self._digests[one.id]: self._methods[one.id] for one in self.measures}
        figures = self._figures(sender.id, parse(period, self.home.zone), level)
        return bundle_bytes(
            provider, sender.key, self.offer(sender, now), sender.packed, now, figures, subjects, methods, {}
        )

    def offer(self, firm: Firm, now: int) -> Offer:
        """What a firm promised to the province: all that it knows of itself in these years."""
        span = Period(parse("2025", self.home.zone).start, parse("2028", self.home.zone).end)
        return Offer(f"{int(firm.home, 16) % 16**12:012x}", firm.home, self.home.id, ("*",), (firm.id,), span.start, span.end,
                     now + 366 * DAY, "monthly", 3)  # fmt: skip

    def _figures(self, subject: str, period: Period, level: int | None) -> pa.Table:
        count = len(self.measures)
        values = self._random.random(count).round(4).tolist()
        values[0] = float(self._random.integers(_LEVELS) if level is None else level)
        names = [one.id for one in self.measures]
        columns: dict[str, Sequence[Any]] = {
            "subject": [subject] * count, "measure": names, "start": [period.start] * count, "end": [period.end] * count,
            "value": values, "low": values, "high": values, "heard": [1.0] * count, "among": [1.0] * count,
            "grade": ["documented"] * count, "estimated": [False] * count, "flags": [("synthetic",)] * count,
            "method": [self._digests[name] for name in names], "inputs": [self._random.bytes(32) for _ in names], "replaces": [None] * count,
        }  # fmt: skip
        return _table(columns | {"digest": list(figure_digests(columns))})

    def close(self) -> None:
        """Give the home back."""
        self.home.close()


def _table(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    return pa.table({name: list(columns[name]) for name in SCHEMA.names}, schema=SCHEMA)
