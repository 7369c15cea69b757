-- Loss: speed: seconds of unit_losses in the category speed, summed over members. Units without shifts have no plan.
select
  subject, start, "end", seconds as value, seconds as low, seconds + unknown as high, heard, among,
  concat_ws(
    ',',
    case when seconds < 0 then 'below_zero:planned_cycle' end,
    case when unplanned > 0 then 'units_without_shifts' end
  ) as flags
from loss_sums
where category = 'speed' and among > 0
  and subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
