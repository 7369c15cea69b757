-- Networked is a unit that spoke over a connection in the period, or else what the latest statement says.
-- Over the units of the register that are known; low takes the others as not, high as networked.
with shares as (
  select *, networked / nullif(networked_known, 0) as value, networked / units as lowest, (networked + units - networked_known) / units as highest
  from register_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, networked_known as heard, units as among,
  case when networked_known < units then 'units_unknown' else '' end as flags
from shares
