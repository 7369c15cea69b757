-- Planned busy time: seconds of unit_losses, summed over members. Units without shifts have no plan.
with sums as (
  select
    subject, start, "end", total(seconds) as seconds, max(heard) as heard, max(among) as among, max(unplanned) as unplanned
  from loss_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
  group by subject, start, "end"
)
select
  subject, start, "end", seconds as value, seconds as low, seconds as high, heard, among,
  case when unplanned > 0 then 'units_without_shifts' else '' end as flags
from sums
where among > 0
