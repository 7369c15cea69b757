-- Fully productive time: seconds of unit_losses in the category productive, summed over members. Units without shifts have no plan.
select
  subject, start, "end", seconds as value, seconds as low, seconds + unknown as high, heard, among,
  case when unplanned > 0 then 'units_without_shifts' else '' end as flags
from loss_sums
where category = 'productive' and among > 0
  and subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
