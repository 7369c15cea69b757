"""One synthetic factory: six machines on two lines, January to March 2026, as a discrete-event simulation.

Counts arise from production time and planned pace with small speed losses, so no machine's OEE exceeds 1 over a shift.
While the collector of a machine is silent, neither its states nor its pieces are heard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.examples.pearl.identity import FACTORY, identity
from steelyard.examples.pearl.rows import day, local, stream, table, text_rows
from steelyard.examples.pearl.shifts import HORIZON, Shift, Window, WorkingTime, windows
from steelyard.examples.pearl.shop import REWORK, SCRAP, Machine, Spell, Station, Supply, run_line

MIDNIGHT = np.datetime64("2026-01-01T00:00:00")
SATURDAY = (5,)
GAPS = 24  # per machine in three months, on average


@dataclass(frozen=True)
class Line:
    """Machines in a row, what feeds them, and when they work."""

    zh: str
    en: str
    machines: tuple[Machine, ...]
    supply: Supply
    shifts: tuple[Shift, ...]


PANELS = Line(
    "钣金线",
    "Sheet-metal line",
    (
        Machine(
            "冲压机",
            "Press",
            {"PNL-100": 24.0, "PNL-200": 27.0, "BRK-300": 21.0},
            ("die_wear", "hydraulics", "misfeed"),
        ),
        Machine(
            "焊接机器人",
            "Welding robot",
            {"PNL-100": 24.5, "PNL-200": 26.5, "BRK-300": 21.5},
            ("wire_feed", "torch_tip", "sensor"),
            up=(8.0, 1.2),
            drag=0.05,
            scrap=0.010,
            rework=0.016,
        ),
        Machine(
            "喷粉设备",
            "Powder coater",
            {"PNL-100": 23.5, "PNL-200": 26.0, "BRK-300": 21.0},
            ("nozzle_clogged", "conveyor", "oven_temperature"),
            up=(11.0, 1.1),
            drag=0.06,
            scrap=0.012,
            rework=0.012,
        ),
    ),
    Supply(("PNL-100", "PNL-200", "BRK-300")),
    (Shift(6 * 60, 480), Shift(14 * 60, 480), Shift(6 * 60, 480, weekdays=SATURDAY)),
)
HOUSINGS = Line(
    "注塑装配线",
    "Moulding and assembly line",
    (
        Machine(
            "注塑机",
            "Injection moulder",
            {"HSG-10": 38.0, "HSG-20": 43.0},
            ("mould_leak", "heater", "ejector"),
            up=(8.0, 1.4),
            repair=(30.0, 0.8),
            setup=(40.0, 0.3),
            drag=0.045,
            scrap=0.022,
            rework=0.004,
        ),
        Machine(
            "装配机",
            "Assembly cell",
            {"HSG-10": 37.0, "HSG-20": 41.5},
            ("screwdriver", "gripper", "vision"),
            up=(6.0, 1.2),
            repair=(19.0, 0.7),
            drag=0.08,
            scrap=0.006,
            rework=0.018,
        ),
        Machine(
            "检测包装机",
            "Test and pack cell",
            {"HSG-10": 36.5, "HSG-20": 41.0},
            ("printer", "tester", "carton_jam"),
            up=(9.0, 1.0),
            repair=(15.0, 0.7),
            setup=(15.0, 0.3),
        ),
    ),
    Supply(("HSG-10", "HSG-20"), tray=8, order=(60, 150), late_every=36.0),
    (Shift(8 * 60, 480), Shift(20 * 60, 480), Shift(8 * 60, 480, weekdays=SATURDAY)),  # the second ends at 4 o'clock
)
LINES = (PANELS, HOUSINGS)


def _subjects(prefix: str, firm: str) -> tuple[pa.Table, pa.Table]:
    """The ``subjects`` from the machines up to the enterprise, and the ``memberships`` between them."""
    rows: list[tuple[str | None, ...]] = [
        (prefix, "site", "一号工厂（合成）", "Works one (synthetic)", None, firm.split("-")[1])
    ]
    parts: list[tuple[str | None, ...]] = [(prefix, firm)]
    for number, line in enumerate(LINES, 1):
        place = f"{prefix}-L{number}"
        rows.append((place, "line", f"{line.zh}（合成）", f"{line.en} (synthetic)"))
        parts.append((place, prefix))
        for i, machine in enumerate(line.machines, 1):
            rows.append((f"{place}-M{i}", "unit", f"{machine.zh}（合成）", f"{machine.en} (synthetic)"))
            parts.append((f"{place}-M{i}", place))
    members = [(*part, "part", day("2024-01-01")) for part in parts]
    return pa.concat_tables([text_rows("subjects", rows), identity(firm)]), text_rows("memberships", members)


def _moments(seconds: list[float] | NDArray[np.float64]) -> NDArray[np.str_]:
    """Seconds since the first midnight as local ISO 8601 text, to the nearest second."""
    return local(MIDNIGHT + np.rint(np.asarray(seconds)).astype("timedelta64[s]"))


def _shift_rows(unit: str, plan: list[Window]) -> pa.Table:
    return table(
        {
            "unit": [unit] * len(plan),
            "start": _moments([w.start for w in plan]),
            "end": _moments([w.end for w in plan]),
            "kind": [w.kind for w in plan],
        }
    )


def _rests(plan: list[Window]) -> list[Spell]:
    """When nothing was planned: breaks, stops and the time off shift, as planned_down."""
    down = [Spell(w.kind, w.reason, w.start, w.end) for w in plan if w.kind == "planned_down"]
    edges = [0.0, *[edge for w in plan for edge in (w.start, w.end)], float(HORIZON)]
    off = [Spell("planned_down", "off_shift", a, b) for a, b in list(pairwise(edges))[::2] if b > a]
    return down + off


def _spells(station: Station, plan: list[Window], time: WorkingTime) -> list[Spell]:
    """The states of a machine over the whole span, in seconds since the first midnight, in order, without overlap."""
    worked = [replace(s, start=a, end=b) for s in station.spells() for a, b in time.stretches(s.start, s.end)]
    spells = [replace(s, start=round(s.start), end=round(s.end)) for s in worked + _rests(plan)]
    return sorted((s for s in spells if s.end > s.start), key=lambda s: s.start)


def _gaps(random: np.random.Generator) -> list[tuple[float, float]]:
    """When the collector was silent: in order, without overlap, minutes to more than a day each."""
    starts = np.sort(random.uniform(0, HORIZON, random.poisson(GAPS)))
    ends = starts + 3600 * random.lognormal(0.6, 1.0, len(starts))
    limits = [*starts[1:], float(HORIZON)]
    return [
        (round(a), round(min(b, limit - 60)))
        for a, b, limit in zip(starts, ends, limits, strict=True)
        if min(b, limit - 60) > a + 60
    ]


def _silence(spells: list[Spell], gaps: list[tuple[float, float]]) -> list[Spell]:
    """Cut the gaps out of the states; every second gap is told as ``unknown``, the others leave no row at all."""
    left = spells
    for a, b in gaps:
        hit = [s for s in left if s.start < b and s.end > a]
        parts = [replace(s, end=a) for s in hit if s.start < a] + [replace(s, start=b) for s in hit if s.end > b]
        left = [s for s in left if s.start >= b or s.end <= a] + parts
    told = [Spell("unknown", "collector_silent", a, b) for a, b in gaps[::2]]
    return sorted(left + told, key=lambda s: s.start)


def _state_rows(unit: str, spells: list[Spell]) -> pa.Table:
    return table(
        {
            "unit": [unit] * len(spells),
            "start": _moments([s.start for s in spells]),
            "end": _moments([s.end for s in spells]),
            "state": [s.state for s in spells],
            "reason": [s.reason or None for s in spells],
        }
    )


def _count_rows(unit: str, station: Station, time: WorkingTime, gaps: list[tuple[float, float]]) -> pa.Table:
    """Pieces per clock hour and product, those finished while the collector was silent left out."""
    products = sorted(station.machine.seconds)
    made = np.concatenate([np.full(len(at), products.index(product)) for product, at, _ in station.pieces])
    fates = np.concatenate([fate for _, _, fate in station.pieces])
    moments = time.moments(np.concatenate([at for _, at, _ in station.pieces]))
    heard = np.searchsorted(np.ravel(gaps), moments) % 2 == 0  # even: between two gaps
    hours = np.ceil(moments[heard] / 3600 - 1e-9).astype(int) - 1  # a piece done on the hour belongs to the one before
    keys, place = np.unique(hours * len(products) + made[heard], return_inverse=True)
    produced = np.bincount(place)
    scrap = np.bincount(place, fates[heard] == SCRAP).astype(int)
    rework = np.bincount(place, fates[heard] == REWORK).astype(int)
    names = [products[k] for k in (keys % len(products)).tolist()]
    return table(
        {
            "unit": [unit] * len(keys),
            "start": _moments(keys // len(products) * 3600.0),
            "end": _moments((keys // len(products) + 1) * 3600.0),
            "product": names,
            "produced": produced,
            "good": produced - scrap - rework,
            "scrap": scrap,
            "rework": rework,
            "planned_seconds_per_item": np.array([station.machine.seconds[name] for name in names]),
        }
    )


def _line(place: str, line: Line, key: tuple[int, ...]) -> list[dict[str, pa.Table]]:
    """The tables of each machine of a line."""
    plan = windows(line.shifts)
    time = WorkingTime(plan)
    found = []
    for i, station in enumerate(run_line(line.machines, line.supply, time.total, key)):
        unit, gaps = f"{place}-M{i + 1}", _gaps(stream(*key, 100 + i))
        found.append(
            {
                "shifts": _shift_rows(unit, plan),
                "machine_states": _state_rows(unit, _silence(_spells(station, plan, time), gaps)),
                "production_counts": _count_rows(unit, station, time, gaps),
            }
        )
    return found


def simulate(seed: int = 1, prefix: str = "F1", firm: str = FACTORY) -> dict[str, pa.Table]:
    """Tables ``subjects``, ``memberships``, ``shifts``, ``machine_states`` and ``production_counts`` of one factory.

    ``prefix`` is the site's id and begins the ids of its lines and machines (``F1-L2-M3``); ``firm`` is the id of the
    enterprise. The same seed and prefix give the same tables. KeyError where the firm's city is unknown.
    """
    subjects, memberships = _subjects(prefix, firm)
    units = [
        tables
        for number, line in enumerate(LINES, 1)
        for tables in _line(f"{prefix}-L{number}", line, (seed, *prefix.encode(), number))
    ]
    joined = {name: pa.concat_tables([tables[name] for tables in units]) for name in units[0]}
    return {"subjects": subjects, "memberships": memberships, **joined}
