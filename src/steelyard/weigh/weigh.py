"""From measures and periods to sealed Figures: run the formula in sets, find what stands behind, compare, seal, keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from steelyard.catalog.frameworks import facts_behind
from steelyard.catalog.method import parameters_in_force, sums_members, tables_read
from steelyard.catalog.rules import rule_figures, rule_items
from steelyard.errors import InputError, UsageError
from steelyard.model.leaf import Leaf
from steelyard.model.measure import Measure
from steelyard.model.period import Period
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import Engine, EngineError, engine
from steelyard.store.spans import name_spans
from steelyard.store.stream import cut
from steelyard.weigh import editions, frame, judged, lineage, rolled
from steelyard.weigh.distrust import distrust
from steelyard.weigh.exact import quoted
from steelyard.weigh.figures_read import figures_behind, name_figures
from steelyard.weigh.given import counting
from steelyard.weigh.keep import Weighed, keep

_FRAME = ("subjects", "memberships", "division_changes")


def weigh(home: Home, names: Sequence[str], periods: Sequence[Period], subject: str | None = None,
          progress: Callable[[str], None] | None = None, *, at: str | None = None) -> list[Weighed]:  # fmt: skip
    """Make and seal the Figures of some measures, and of the measures that they read, for some periods.

    No names mean every measure that the home's data allow. ``subject`` keeps the result to one subject. Weighing again without
    new input changes nothing. ``at`` is where the engine is (``spark://host:7077``; empty: DuckDB, here), else the home's own.
    Of an edition that is not in force on a period's last day nothing is made; a draft's Figures are flagged ``not_in_force``.
    Raises UsageError on unknown names or no period, InputError on a formula that fails and on a named edition not in force.
    """
    if not periods:
        raise UsageError("SY108")
    cut(home)
    measures = home.catalog.in_order(names or sorted(home.catalog.measures))
    if names:
        editions.check(home.catalog, measures, [period.last_day(home.zone) for period in periods])
    span = Period(min(p.start for p in periods), max(p.end for p in periods))
    with engine(home.path, home.facts.get("engine", "") if at is None else at) as opened:
        scales = Scales(home, opened, measures, span)
        if len(periods) > 1 and frame.memberships_change(opened, span):
            batches: list[list[Period]] = [[period] for period in periods]
        else:
            batches = [list(periods)]
        totals = {measure.name: Weighed(measure.name) for measure in measures}
        for batch in batches:
            scales.set_frame(batch)
            for measure in measures:
                if progress:
                    progress(measure.name)
                for group in _same_parameters(home, measure, batch):
                    scales.weigh(measure, group, subject, totals[measure.name])
    for measure in measures:
        at_rest.compact(home, measure.name)
    asked = {measure.name for measure in map(home.catalog.measure, names)}
    return [total for name, total in totals.items() if name in asked or total.made or total.unchanged]


def _same_parameters(home: Home, measure: Measure, periods: Sequence[Period]) -> list[list[Period]]:
    """Periods in groups for which the same parameters are in force; left out are those before a parameter's first date, and
    those in which the measure's edition is not in force.
    """
    groups: dict[str, list[Period]] = {}
    for period in periods:
        day = period.last_day(home.zone)
        in_force = parameters_in_force(measure, day)
        if in_force is not None and not editions.out_of_force(home.catalog, measure, day):
            groups.setdefault(repr(sorted(in_force.items())), []).append(period)
    return list(groups.values())


@dataclass
class Scales:
    """One engine with the views that a set of measures reads."""

    home: Home
    opened: Engine
    measures: Sequence[Measure]
    span: Period
    leaves: lineage.Known = field(init=False)
    tables: list[str] = field(init=False)
    _circles: tuple[Any, ...] = field(init=False, default=())
    _numbers: dict[tuple[str, tuple[Period, ...]], dict[lineage.Key, tuple[int, ...]]] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        named = dict.fromkeys([*_FRAME, *(name for measure in self.measures for name in tables_read(measure))])
        self.tables = [name for name in named if name in self.home.catalog.tables]
        found = [leaf for name in self.tables for leaf in self._name(name)]
        if "answers" in self.tables:
            distrust(self.home, self.opened)
        self.leaves = lineage.Known(found)
        self.held = {name for name in self.tables if any(leaf.table == name for leaf in found)}
        for name, rows in judged.item_tables(self.home.catalog.items).items():
            self.opened.register(name, rows)

    def _name(self, name: str) -> list[Leaf]:
        """Name a table's rows, and where they are many what each block holds of which signal; returns the leaves."""
        found = self.home.table_view(self.opened, name, self.span)
        table = self.home.catalog.table(name)
        if table.lookback:
            name_spans(self.opened, table, found, self.home.path)
        return found

    def set_frame(self, periods: Sequence[Period]) -> None:
        """Name periods, members, and the views over tables, for a batch of periods that share their members."""
        frame.name_periods(self.opened, periods, self.home.now())
        span = Period(min(p.start for p in periods), max(p.end for p in periods))
        frame.name_members(self.opened, map(self.home.catalog.table, self.tables), span, self.home.subject_id)
        self._circles = ()
        self._numbers.clear()
        for name, sql in {k: v for measure in self.measures for k, v in measure.views.items()}.items():
            try:
                self.opened.hold(name, sql)
            except EngineError as error:
                raise InputError("SY227", name, why=" ".join(str(error).split())) from error

    def weigh(self, measure: Measure, periods: Sequence[Period], subject: str | None, total: Weighed) -> None:
        """Weigh one measure for periods with equal parameters, and keep what is new."""
        if not self._possible(measure):
            return
        frame.name_periods(self.opened, periods, self.home.now())
        day = periods[-1].last_day(self.home.zone)
        digests_sql = self._run(measure, periods, day)
        rows = self._rows(measure, subject)
        if rows.num_rows == 0:
            return
        behind = self._behind(measure, periods, rows, digests_sql)
        keep(self.home, self.opened, measure, day, rows, behind, total)

    def _possible(self, measure: Measure) -> bool:
        """Whether anything that the measure speaks of is here."""
        read = [name for name in tables_read(measure) if name not in (*_FRAME, "roster")]
        held = set(at_rest.measures_held(self.home))
        return any(name in self.held or name in held for name in read)

    def _run(self, measure: Measure, periods: Sequence[Period], day: str) -> str | None:
        """Hold the formula's result as ``weighed``; returns the SELECT of the Figures behind it, if it reads Figures."""
        in_force = parameters_in_force(measure, day) or {}
        span = Period(min(p.start for p in periods), max(p.end for p in periods))
        if measure.how == "rolled":
            return self._roll(measure, periods, span, in_force)
        if measure.how in ("asked", "judged"):
            return self._judge(measure, span)
        return self._read(measure, span, in_force)

    def _roll(self, measure: Measure, periods: Sequence[Period], span: Period, in_force: dict[str, Any]) -> str:
        """Hold what members' Figures come to; those behind it are named one by one, or where they are very many by their seals."""
        below = measure.rule["share"]["of"]
        at_rest.view(self.home, self.opened, "below", below, span, within=True)
        circles = (measure.rule["roster"], measure.of, tuple(periods))
        if circles != self._circles:
            rolled.name_circles(self.opened, measure)
            self._circles = circles
        rolled.hold_heard(self.opened, measure, periods, in_force)
        self._hold_weighed(rolled.ROLLED)
        many = at_rest.count(self.home, below, span) > rolled.MOST_NAMED * len(periods)
        return rolled.SEALS if many else rolled.FIGURES

    def _judge(self, measure: Measure, span: Period) -> str | None:
        """Hold what answers, and the Figures that stand in for them, come to."""
        below = [self.home.catalog.measures[name] for name in measure.inputs if name in self.home.catalog.measures]
        name_figures(self.home, self.opened, [one.id for one in below], span)
        given = counting(self.opened, self.home.catalog.items, rule_items(measure.rule))
        if measure.how == "asked":
            self._hold_weighed(judged.asked_sql(measure, given))
        else:
            bounds = {one.id: one.bounds for one in below}
            self._hold_weighed(judged.judged_sql(measure, self.home.catalog.items, given, bounds))
        if not below:
            return None
        return figures_behind(rule_figures(measure.rule), through_facts=given.ranged)

    def _hold_weighed(self, sql: str) -> None:
        """Hold a formula's result with numbers as doubles, whatever its arithmetic was done in."""
        numbers = ", ".join(f"CAST({name} AS DOUBLE) AS {name}" for name in ("value", "low", "high", "heard", "among"))
        self.opened.hold("weighed", f'SELECT subject, start, "end", {numbers}, flags, rank FROM ({sql})')

    def _read(self, measure: Measure, span: Period, in_force: dict[str, Any]) -> str | None:
        below = [name for name in measure.inputs if name in self.home.catalog.measures]
        for name in below:
            at_rest.view(self.home, self.opened, sql_name(name), name, span, within=True)
        try:
            self.opened.hold("formula", measure.formula.rstrip().rstrip(";"), in_force)
            names = self.opened.arrow("SELECT * FROM formula LIMIT 0").schema.names
            flags = "coalesce(flags, '')" if "flags" in names else "''"
            columns = 'subject, start, "end", value, low, high, heard, among'
            rank = judged.RANK if "grade" in names else "CAST(NULL AS INTEGER)"
            self._hold_weighed(f"SELECT {columns}, {flags} AS flags, {rank} AS rank FROM formula")
        except EngineError as error:
            raise InputError("SY227", measure.id, why=" ".join(str(error).split())) from error
        return self._figures_below(measure, below) if below else None

    def _figures_below(self, measure: Measure, below: Sequence[str]) -> str:
        """The Figures of lower measures behind each result: the subject's own, or its members' where the formula asks them."""
        through = sums_members(measure)
        group, join = ('m."of"', "JOIN members m ON m.subject = f.subject") if through else ("f.subject", "")
        parts = [f'SELECT DISTINCT {group} AS subject, p.start, p."end", f.digest, f.flags, f.grade FROM {sql_name(name)} f {join} '
                 f'JOIN periods p ON f.start = p.start AND f."end" = p."end"' for name in below]  # fmt: skip
        union = " UNION ALL ".join(parts)
        self.opened.hold("figures_below", f"SELECT *, {judged.RANK} AS rank FROM ({union})")
        self.opened.hold(
            "weighed",
            """
            SELECT w.* EXCLUDE (rank, flags), CASE WHEN b.synthetic AND w.flags <> '' THEN w.flags || ',synthetic'
                   WHEN b.synthetic THEN 'synthetic' ELSE w.flags END AS flags, least(w.rank, b.rank) AS rank
            FROM weighed w LEFT JOIN (SELECT subject, start, "end", min(rank) AS rank,
                bool_or(list_contains(flags, 'synthetic')) AS synthetic FROM figures_below GROUP BY ALL) b
                ON b.subject = w.subject AND b.start = w.start AND b."end" = w."end" """,
        )
        return 'SELECT subject, start, "end", list(digest) AS digests FROM figures_below GROUP BY ALL'

    def _rows(self, measure: Measure, subject: str | None) -> pa.Table:
        kinds = ", ".join(f"'{kind}'" for kind in measure.of)
        one = "AND w.subject = $subject" if subject else ""
        return self.opened.arrow(f"""
            SELECT w.* FROM weighed w LEFT JOIN subjects s ON s.id = w.subject LEFT JOIN seen n ON n.subject = w.subject
            WHERE w.value IS NOT NULL AND coalesce(s.kind, n.kind) IN ({kinds}) {one}""",
            {"subject": subject} if subject else {})  # fmt: skip

    def _behind(
        self, measure: Measure, periods: Sequence[Period], rows: pa.Table, digests_sql: str | None
    ) -> list[lineage.Behind]:
        read = [name for name in tables_read(measure) if name in self.held]
        through: list[str] = []
        if measure.how == "rolled" or sums_members(measure):
            read = [name for name in dict.fromkeys([*read, *_FRAME]) if name in self.held]
            through = read
        tables = [self.home.catalog.table(name) for name in read]
        only = {"answers": self._asked(measure)} if measure.how in ("asked", "judged") else {}
        numbers = self._leaf_numbers(lineage.leaves_sql(tables, through, only, measure.of), periods) if tables else {}
        digests = lineage.figure_digests_of(self.opened, digests_sql) if digests_sql else {}
        keys = zip(*(rows[name].to_pylist() for name in ("subject", "start", "end")), strict=True)
        out = []
        known: dict[
            tuple[bytes, frozenset[bytes]], lineage.Behind
        ] = {}  # regions of one period stand on the same seals
        for key in keys:
            found = self.leaves.behind(numbers.get(key, ()))
            if key in digests:
                both = (found.root, frozenset(digests[key]))
                if both not in known:
                    known[both] = lineage.with_figures(found, both[1])
                found = known[both]
            out.append(found)
        return out

    def _leaf_numbers(self, sql: str, periods: Sequence[Period]) -> dict[lineage.Key, tuple[int, ...]]:
        """Run ``leaves_sql`` once for all measures in a row that read the same rows for the same periods."""
        key = (sql, tuple(periods))
        if key not in self._numbers:
            self._numbers = {key: lineage.leaf_numbers(self.opened, sql)}
        return self._numbers[key]

    def _asked(self, measure: Measure) -> str:
        """The condition on rows of answers that stand behind a measure: its items, and the facts that answer them."""
        names = rule_items(measure.rule)
        listed = ", ".join(map(quoted, (*names, *facts_behind(self.home.catalog.items, names)))) or "''"
        return f"t.item IN ({listed})"


def sql_name(measure: str) -> str:
    """How a measure is called in a formula: ``coverage/sme2024-level2`` is ``coverage_sme2024_level2``."""
    return measure.replace("/", "_").replace("-", "_")
