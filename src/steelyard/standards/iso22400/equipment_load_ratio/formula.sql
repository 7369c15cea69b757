-- Equipment load ratio = PQ / EPC (ISO 22400-2) with the rated or the maximum capacity, by the parameter. Over the units that
-- have a capacity and counts; time without a capacity has none. low takes units without counts as having produced nothing.
with able as (
  select
    c.unit, p.start, p."end",
    total(case when $capacity = 'rated' then c.rated else c.maximum end
        * (least(c."end", p."end") - greatest(c.start, p.start)) * 1.0 / (c."end" - c.start)) as capacity
  from capacities c
  join periods p on c.start < p."end" and c."end" > p.start
  group by c.unit, p.start, p."end"
),
parts as (
  select m."of" as subject, a.start, a."end", a.capacity, c.produced, c.prorated
  from members m
  join able a on a.unit = m.subject
  left join unit_counts c on c.unit = a.unit and c.start = a.start and c."end" = a."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise') and a.capacity is not null
),
uncapable as (
  select m."of" as subject, c.start, c."end", count(*) as units
  from members m
  join unit_counts c on c.unit = m.subject
  join periods p on p.start = c.start and p."end" = c."end"
  left join able a on a.unit = c.unit and a.start = c.start and a."end" = c."end"
  where a.capacity is null
  group by m."of", c.start, c."end"
),
sums as (
  select
    subject, start, "end",
    total(produced) as produced,
    total(case when produced is not null then capacity end) as heard_capacity,
    total(capacity) as capacity,
    count(produced) as heard, count(*) as among,
    sum(prorated) as prorated
  from parts
  group by subject, start, "end"
),
ratios as (
  select
    s.*, s.produced / nullif(s.heard_capacity, 0) as value, s.produced / nullif(s.capacity, 0) as lowest,
    coalesce(u.units, 0) as without
  from sums s
  left join uncapable u on u.subject = s.subject and u.start = s.start and u."end" = s."end"
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  value as high,
  heard, among + without as among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:beyond_capacity' end,
    case when prorated > 0 then 'prorated' end,
    case when without > 0 then 'units_without_capacity' end
  ) as flags
from ratios
