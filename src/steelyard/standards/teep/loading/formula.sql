-- Loading (utilisation in TEEP) = PBT / calendar time. The plan is known, so there is no range.
with ratios as (
  select
    *,
    pbt / nullif(calendar, 0) as value,
    pbt / nullif(whole, 0) as lowest,
    (pbt + whole - calendar) / nullif(whole, 0) as highest
  from time_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, calendar as heard, whole as among,
  case when unplanned > 0 then 'units_without_shifts' else '' end as flags
from ratios
