-- Set-up ratio = AUST / AUPT, AUPT = APT + AUST (ISO 22400-2). Less is better. Needs no shifts.
-- low takes unknown time as production, high as set-up.
with ratios as (
  select
    *,
    aust / nullif(apt + aust, 0) as value,
    aust / nullif(apt + aust + unknown, 0) as lowest,
    (aust + unknown) / nullif(apt + aust + unknown, 0) as highest
  from time_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, heard, among,
  '' as flags
from ratios
