-- Planned time that nobody observed: seconds of unit_losses in the category unknown, summed over members. Units without shifts have no plan.
select
  subject, start, "end", seconds as value, 0.0 as low, seconds as high, heard, among,
  case when unplanned > 0 then 'units_without_shifts' else '' end as flags
from loss_sums
where category = 'unknown' and among > 0
  and subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
