-- Quality efficiency = theoretical production time of good product / of all product (SEMI E79). The counts are known: no range.
with ratios as (
  select
    *,
    good / nullif(good_run, 0) as value,
    good / nullif(good_run, 0) as lowest,
    good / nullif(good_run, 0) as highest
  from e79_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, good_heard as heard, total as among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:counts' end,
    notes,
    case when uncounted > 0 then 'units_without_counts' end
  ) as flags
from ratios
