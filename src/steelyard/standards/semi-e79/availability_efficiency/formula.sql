-- Availability efficiency = uptime / total time (SEMI E79). low takes unknown time as the worst
-- that it could have been for the ratio, high as the best.
with ratios as (
  select
    *,
    uptime / nullif(heard, 0) as value,
    uptime / nullif(total, 0) as lowest,
    (uptime + unknown) / nullif(total, 0) as highest
  from e10_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, heard, total as among, '' as flags
from ratios
