-- OEE = availability * operational * rate * quality efficiency (SEMI E79) = theoretical production time of good product / total
-- time. low takes unknown time as no production, high as production at the observed rate, or at the theoretical one where no
-- production was observed.
with ratios as (
  select
    *,
    good / nullif(good_heard, 0) as value,
    good / nullif(total, 0) as lowest,
    possible / nullif(total, 0) * coalesce(good / nullif(good_productive, 0), 1.0) as highest
  from e79_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, good_heard as heard, total as among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then hints end,
    case when value > 1 + 1e-9 and good > good_heard + good_unknown then 'above_one:planned_cycle' end,
    notes,
    case when uncounted > 0 then 'units_without_counts' end
  ) as flags
from ratios
