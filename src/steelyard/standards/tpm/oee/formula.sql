-- TPM OEE = availability * performance * quality (Nakajima) = total(ideal cycle time * good pieces) / loading time. low takes unknown
-- time as downtime, high as operating at the observed rate, or at the ideal rate where no operation was observed.
with ratios as (
  select
    *,
    good / nullif(good_heard, 0) as value,
    good / nullif(pbt, 0) as lowest,
    possible / nullif(pbt, 0) * coalesce(good / nullif(good_operating, 0), 1.0) as highest
  from work_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, good_heard as heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then hints end,
    case when value > 1 + 1e-9 and good > good_heard + good_unknown + outside then 'above_one:planned_cycle' end,
    notes,
    case when uncounted > 0 then 'units_without_counts' end,
    case when unplanned > 0 then 'units_without_shifts' end
  ) as flags
from ratios
