-- from: samples, bindings, production_counts, count_cells
-- Pieces per unit and period, as they were told: rows of production_counts that were handed in, cut at the period's edges; and,
-- for units without any in the period, one row a product from the counters that are bound to it.
-- The pieces between two samples of a counter belong to the time between them and are shared out by time at a period's edge. A
-- running counter that is smaller than before counts from zero, or over its roll-over where that gives at most half of it. But a
-- drop by at most a hundredth, or by at most two where half is left, is a correction: nothing is taken off, and nothing counts
-- until the counter passes what it had reached in the quarter of an hour before (as far as count_cells looks back). The first
-- sample ever gives no count, nor does one that comes more than the lookback (one day) after the one before. A sample of increments
-- belongs to the time since the one before, at most hold_seconds.
-- impossible: values from 2^53 on and leaps of 10^12 pieces, which count nothing, and a planned time that makes more than 10^15
-- seconds of them, which is none; a row with 10^15 pieces tells none and no good ones: one garbled number must not stop the
-- sums. resets: how often a counter began from zero.
-- Clean cells of count_cells count as they are; others, and those on an edge of a period or product, are read sample by sample.
with bound as (
  select
    row_number() over (order by unit, "column", role) as n, unit, "column" as what, subject, signal, counter, rollover,
    coalesce(factor, 1.0) as factor, cast(hold_seconds * 1000000 as bigint) as hold
  from bindings
  where "column" in ('produced', 'good', 'scrap', 'rework') and signal is not null
),
set_by as (
  select
    row_number() over (order by unit, "column", role) as n, unit, "column" as what, subject, signal,
    coalesce(factor, 1.0) as factor, coalesce("offset", 0.0) as "offset"
  from bindings
  where "column" in ('product', 'planned_seconds_per_item') and signal is not null
),
near as (
  select min(start) - 86400000000 as a, max("end") + 86400000000 as b from periods
),
sets as (
  select
    b.n, b.unit, b.what, s."at", s.text,
    case when abs(s.value) < 1e15 then s.value * b.factor + b."offset" end as value,
    lead(s."at") over (partition by b.n order by s."at") as after
  from samples s
  join set_by b on b.subject = s.subject and b.signal = s.signal
  join near on s."at" >= near.a and s."at" < near.b
  where coalesce(s.quality, 'good') not in ('bad', 'stale', 'unavailable')
),
settings as (
  select
    unit, what, "at" as a, least(coalesce(after, "at" + 86400000000), "at" + 86400000000) as b,
    coalesce(text, case when abs(value) < 1e15 then cast(cast(floor(value + 0.5) as bigint) as varchar) end) as word, value
  from sets
),
marks as (
  select b.n, e.t // 300000000 as cell
  from bound b
  join (select start as t from periods union select "end" as t from periods) as e on true
  union
  select b.n, s.a // 300000000 as cell from bound b join settings s on s.unit = b.unit
),
judged as (
  select
    b.n, c.subject, c.signal, c.cell, c.a, c.b, c.va, c.vb,
    case when b.counter = 'running' and m.n is null then c.clean else 0 end as clean
  from count_cells c
  join bound b on b.subject = c.subject and b.signal = c.signal
  left join marks m on m.n = b.n and m.cell = c.cell
),
points as (
  select n, a, b, va, vb from judged where clean = 1
  union all
  select m.n, s."at" as a, s."at" as b, s.value as va, s.value as vb
  from samples s
  join judged m on m.subject = s.subject and m.signal = s.signal and m.cell = s."at" // 300000000 and m.clean = 0
    and s."at" >= m.a and s."at" <= m.b
  where s.signal in (select signal from bound) and s."at" >= (select min(a) from judged where clean = 0) and s."at" <= (select max(b) from judged where clean = 0)
    and s.value >= 0 and s.value < 9007199254740992 and coalesce(s.quality, 'good') not in ('bad', 'stale', 'unavailable')
),
linked as (
  select
    n, a, b, va, vb, lag(b) over w as b_before, lag(vb) over w as v_before, lead(a) over w as a_after
  from points
  window w as (partition by n order by a)
),
turned as (
  select
    l.*,
    case when l.a - l.b_before > 86400000000 then null
         when l.v_before <= l.va then 'on'
         when b.rollover is not null and l.va - l.v_before + b.rollover between 0 and b.rollover / 2 then 'rolled'
         when l.v_before - l.va <= l.v_before / 100 or l.v_before - l.va <= 2 and l.va * 2 >= l.v_before then 'on'
         when l.v_before is not null then 'reset' end as turn,
    coalesce(b.rollover, 0.0) as rollover
  from linked l
  join bound b on b.n = l.n
  where b.counter = 'running'
),
runs as (
  select
    n, a, b, vb,
    sum(case when turn in ('rolled', 'reset') then 1 else 0 end)
      over (partition by n order by a rows between unbounded preceding and current row) as run
  from turned
  where n in (select n from turned where turn = 'on' and va < v_before)
),
reached as (
  select n, a, max(vb) over (partition by n, run order by b range between 900000000 preceding and 1 preceding) as before from runs
),
passed as (
  select t.*, case when t.turn = 'on' then greatest(t.v_before, r.before) else t.va end as mark
  from turned t
  left join reached r on r.n = t.n and r.a = t.a
),
pieces as (
  select n, a, b, greatest(vb - greatest(va, coalesce(mark, va)), 0.0) as made, 0 as resets from passed where b > a
  union all
  select
    n, b_before as a, least(a, b_before + 86400000000) as b,
    case when a - b_before > 86400000000 then 0.0
         when turn = 'rolled' then va - v_before + rollover
         when turn = 'reset' then va
         else greatest(va - mark, 0.0) end as made,
    case when turn = 'reset' then 1 else 0 end as resets
  from passed
  where b_before is not null
  union all
  select l.n, greatest(coalesce(l.b_before, l.a - b.hold), l.a - b.hold) as a, l.a as b, l.va as made, 0 as resets
  from linked l
  join bound b on b.n = l.n
  where b.counter = 'increments'
  union all
  select n, b as a, b + 86400000000 as b, 0.0 as made, 0 as resets from linked where a_after is null
),
cut as (
  select
    c.n, p.start as p_start, p."end" as p_end, case when c.made = 0 then c.a + 1 else c.b end as told,
    case when c.made < 1e12 then c.made else 0.0 end as made, case when c.made < 1e12 then 0 else 1 end as leaps, c.resets,
    least(c.b, p."end") - greatest(c.a, p.start) as inside, c.b - c.a as whole
  from pieces c
  join periods p on c.a < p."end" and c.b > p.start
),
odd as (
  select b.unit, p.start as p_start, p."end" as p_end, count(*) as n
  from samples s
  join bound b on b.subject = s.subject and b.signal = s.signal
  join periods p on s."at" >= p.start and s."at" < p."end"
  where s.signal in (select signal from bound) and s.value >= 9007199254740992
    and coalesce(s.quality, 'good') not in ('bad', 'stale', 'unavailable')
  group by b.unit, p.start, p."end"
),
shared as (
  select
    c.n, c.p_start, c.p_end, c.told, c.leaps, c.resets,
    case when c.inside = c.whole then c.made else c.made * c.inside / c.whole end as made,
    case when c.inside < c.whole and c.whole > b.hold and c.made > 0 then 1 else 0 end as prorated
  from cut c
  join bound b on b.n = c.n
),
summed as (
  select
    n, p_start, p_end, cast(null as varchar) as product, cast(null as double) as pri, total(made) as made, sum(prorated) as prorated,
    sum(leaps) as leaps, sum(resets) as resets
  from shared
  where n in (select n from bound where unit not in (select unit from set_by))
  group by n, p_start, p_end
  union all
  select s.n, s.p_start, s.p_end, d.word as product, i.value as pri, total(s.made) as made, sum(s.prorated) as prorated,
    sum(s.leaps) as leaps, sum(s.resets) as resets
  from shared s
  join bound b on b.n = s.n
  left join settings d on d.unit = b.unit and d.what = 'product' and d.a < s.told and d.b >= s.told
  left join settings i on i.unit = b.unit and i.what = 'planned_seconds_per_item' and i.a < s.told and i.b >= s.told
  where b.unit in (select unit from set_by)
  group by s.n, s.p_start, s.p_end, d.word, i.value
),
constants as (
  select unit, "column" as what, product, constant from bindings
  where "column" in ('product', 'planned_seconds_per_item') and signal is null
),
named as (
  select
    b.unit, b.what, s.p_start, s.p_end, coalesce(s.product, d.product, '') as product, s.pri, s.made * b.factor as made, s.prorated,
    s.leaps, s.resets
  from summed s
  join bound b on b.n = s.n
  left join constants d on d.unit = b.unit and d.what = 'product'
),
sums as (
  select
    f.unit, f.p_start, f.p_end, f.product, coalesce(f.pri, i.constant, j.constant) as pri, f.what,
    total(f.made) as made, sum(f.prorated) as prorated, sum(f.leaps) as leaps, sum(f.resets) as resets
  from named f
  left join constants i on i.unit = f.unit and i.what = 'planned_seconds_per_item' and i.product = f.product
  left join constants j on j.unit = f.unit and j.what = 'planned_seconds_per_item' and j.product is null
  group by f.unit, f.p_start, f.p_end, f.product, coalesce(f.pri, i.constant, j.constant), f.what
),
told as (
  select
    unit, p_start, p_end, product, pri,
    max(case when what = 'produced' then made end) as produced, max(case when what = 'good' then made end) as good,
    max(case when what = 'scrap' then made end) as scrap, max(case when what = 'rework' then made end) as rework,
    sum(prorated) as prorated, sum(leaps) as leaps, sum(resets) as resets
  from sums
  group by unit, p_start, p_end, product, pri
),
handed as (
  select
    c.unit, p.start as p_start, p."end" as p_end, c.product, c.planned_seconds_per_item, c.produced, c.good, c.scrap, c.rework,
    least(c."end", p."end") - greatest(c.start, p.start) as inside, c."end" - c.start as whole
  from production_counts c
  join periods p on c.start < p."end" and c."end" > p.start
),
parted as (
  select *, case when inside = whole then 1.0 else inside * 1.0 / whole end as part from handed
),
every as (
  select
    unit, p_start, p_end, product, planned_seconds_per_item as pri, produced * part as produced, good * part as good,
    scrap * part as scrap, rework * part as rework, case when inside < whole then 1 else 0 end as prorated, 0 as impossible, 0 as resets
  from parted
  union all
  select
    t.unit, t.p_start, t.p_end, t.product, t.pri,
    coalesce(t.produced, t.good + coalesce(t.scrap, 0.0) + coalesce(t.rework, 0.0)) as produced,
    coalesce(t.good, case when t.scrap is not null then greatest(t.produced - t.scrap - coalesce(t.rework, 0.0), 0.0) end) as good,
    t.scrap, t.rework, t.prorated, t.leaps + coalesce(o.n, 0) as impossible, t.resets
  from told t
  left join (select distinct unit, p_start, p_end from handed) as h on h.unit = t.unit and h.p_start = t.p_start and h.p_end = t.p_end
  left join odd o on o.unit = t.unit and o.p_start = t.p_start and o.p_end = t.p_end
  where h.unit is null and (t.produced is not null or t.good is not null)
),
looked_at as (
  select
    *, case when greatest(produced, good, scrap, rework) < 1e15 then 0 else 1 end as garbled,
    case when pri is null or abs(pri) * greatest(produced, good) < 1e15 then 0 else 1 end as endless
  from every
)
select
  unit, p_start as start, p_end as "end", product, case when endless = 0 then pri end as planned_seconds_per_item,
  case when garbled = 0 then produced else 0.0 end as produced, case when garbled = 0 then good end as good,
  case when garbled = 0 then scrap end as scrap, case when garbled = 0 then rework end as rework,
  prorated, impossible + greatest(garbled, endless) as impossible, resets
from looked_at
