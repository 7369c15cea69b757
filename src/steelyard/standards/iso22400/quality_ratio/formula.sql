-- Quality ratio = GQ / PQ (ISO 22400-2), in pieces. The counts are known, so there is no range; heard of among tells how much
-- of the time in which the pieces were made was observed. A unit without states and shifts: none of the period.
with parts as (
  select
    m."of" as subject, c.start, c."end",
    c.good, c.produced, c.prorated, c.impossible,
    coalesce(t.among - t.unknown, 0) as heard,
    coalesce(t.among, (c."end" - c.start) / 1000000.0) as among
  from members m
  join unit_counts c on c.unit = m.subject
  left join unit_times t on t.unit = c.unit and t.start = c.start and t."end" = c."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
sums as (
  select
    subject, start, "end",
    total(good) / nullif(total(produced), 0) as value,
    total(heard) as heard, total(among) as among, sum(prorated) as prorated, sum(impossible) as impossible
  from parts
  group by subject, start, "end"
)
select
  subject, start, "end",
  value, value as low, value as high,
  heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:counts' end,
    case when prorated > 0 then 'prorated' end,
    case when impossible > 0 then 'impossible_values' end
  ) as flags
from sums
