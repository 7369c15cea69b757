-- Allocation efficiency = AUBT / PBT, AUBT = APT + AUST + ADET (ISO 22400-2). Over the observed part of the planned time;
-- low takes unknown time as not busy, high as busy.
with ratios as (
  select
    *,
    (planned_apt + planned_aust + planned_adet) / nullif(planned_heard, 0) as value,
    (planned_apt + planned_aust + planned_adet) / nullif(pbt, 0) as lowest,
    (planned_apt + planned_aust + planned_adet + planned_unknown) / nullif(pbt, 0) as highest
  from time_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, planned_heard as heard, among,
  case when unplanned > 0 then 'units_without_shifts' else '' end as flags
from ratios
