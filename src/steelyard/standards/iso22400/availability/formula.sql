-- Availability = APT / PBT (ISO 22400-2). Set-up is a loss here. Over the observed part of the planned time;
-- low takes unknown time as a stop, high as production.
with sums as (
  select
    m."of" as subject, t.start, t."end",
    total(t.pbt) as pbt,
    total(case when t.pbt is not null then t.apt end) as apt,
    total(case when t.pbt is not null then t.unknown end) as unknown,
    total(case when t.pbt is not null then t.among - t.unknown end) as heard, total(t.among) as among,
    sum(case when t.pbt is null then 1 else 0 end) as unplanned
  from members m
  join unit_times t on t.unit = m.subject
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", t.start, t."end"
),
ratios as (
  select
    *,
    apt / nullif(pbt - unknown, 0) as value,
    apt / nullif(pbt, 0) as lowest,
    (apt + unknown) / nullif(pbt, 0) as highest
  from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  greatest(highest, value) as high,
  heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:outside_plan' end,
    case when unplanned > 0 then 'units_without_shifts' end
  ) as flags
from ratios
