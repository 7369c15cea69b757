-- TEEP = OEE * PBT / calendar time, with OEE as iso22400/oee: over calendar time instead of planned time.
with ratios as (
  select
    *,
    good / nullif(good_heard, 0) * pbt / nullif(calendar, 0) as value,
    good / nullif(calendar, 0) as lowest,
    running / nullif(calendar, 0) * coalesce(good / nullif(good_apt, 0), 1.0) as highest
  from work_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, good_heard as heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then hints end,
    case when value > 1 + 1e-9 and good > good_heard + good_unknown + outside then 'above_one:planned_cycle' end,
    notes,
    case when uncounted > 0 then 'units_without_counts' end,
    case when unplanned > 0 then 'units_without_shifts' end
  ) as flags
from ratios
where pbt > 0
