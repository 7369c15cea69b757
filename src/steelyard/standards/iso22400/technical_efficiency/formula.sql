-- Technical efficiency = APT / (APT + ADET) (ISO 22400-2). Needs no shifts.
-- low takes unknown time as delay, high as production.
with ratios as (
  select
    *,
    apt / nullif(apt + adet, 0) as value,
    apt / nullif(apt + adet + unknown, 0) as lowest,
    (apt + unknown) / nullif(apt + adet + unknown, 0) as highest
  from time_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, heard, among,
  '' as flags
from ratios
