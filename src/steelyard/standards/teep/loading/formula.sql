-- Loading (utilisation in TEEP) = PBT / calendar time. The plan is known, so there is no range.
with sums as (
  select
    m."of" as subject, t.start, t."end",
    total(t.pbt) as pbt,
    total(case when t.pbt is not null then (t."end" - t.start) / 1000000.0 end) as heard,
    total((t."end" - t.start) / 1000000.0) as among,
    sum(case when t.pbt is null then 1 else 0 end) as unplanned
  from members m
  join unit_times t on t.unit = m.subject
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", t.start, t."end"
)
select
  subject, start, "end",
  pbt / nullif(heard, 0) as value,
  pbt / nullif(among, 0) as low,
  (pbt + among - heard) / nullif(among, 0) as high,
  heard, among,
  case when unplanned > 0 then 'units_without_shifts' else '' end as flags
from sums
