-- TPM rate of quality = (processed - defect) / processed (Nakajima), a piece that needs rework is a defect. Several products are
-- weighted by ideal cycle time, so that availability * performance * quality is OEE; for one product it is good pieces / pieces.
with ratios as (
  select
    *,
    good / nullif(good_run, 0) as value,
    good / nullif(good_run, 0) as lowest,
    good / nullif(good_run, 0) as highest
  from work_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, good_heard as heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:counts' end,
    notes,
    case when uncounted > 0 then 'units_without_counts' end,
    case when unplanned > 0 then 'units_without_shifts' end
  ) as flags
from ratios
