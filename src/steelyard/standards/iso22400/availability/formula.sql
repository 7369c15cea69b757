-- Availability = APT / PBT (ISO 22400-2). Set-up is a loss here. Over the observed part of the planned time;
-- low takes unknown time as a stop, high as production.
with ratios as (
  select
    *,
    planned_apt / nullif(planned_heard, 0) as value,
    planned_apt / nullif(pbt, 0) as lowest,
    (planned_apt + planned_unknown) / nullif(pbt, 0) as highest
  from time_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, planned_heard as heard, among,
  case when unplanned > 0 then 'units_without_shifts' else '' end as flags
from ratios
