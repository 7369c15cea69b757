-- Digital is a unit that spoke over a connection in the period, or else what the latest statement says.
-- Over the units of the register that are known; low takes the others as not, high as digital.
with shares as (
  select *, digital / nullif(digital_known, 0) as value, digital / units as lowest, (digital + units - digital_known) / units as highest
  from register_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, digital_known as heard, units as among,
  case when digital_known < units then 'units_unknown' else '' end as flags
from shares
