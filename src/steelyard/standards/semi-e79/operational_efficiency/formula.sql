-- Operational efficiency = production time / uptime (SEMI E79). low takes unknown time as the worst
-- that it could have been for the ratio, high as the best.
with ratios as (
  select
    *,
    productive / nullif(uptime, 0) as value,
    productive / nullif(uptime + unknown, 0) as lowest,
    (productive + unknown) / nullif(uptime + unknown, 0) as highest
  from e10_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, heard, total as among, '' as flags
from ratios
