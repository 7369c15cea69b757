-- TPM performance = ideal cycle time * processed amount / operating time (Nakajima), never clipped at 1. Operating time is
-- production and waiting, for idling is a loss of speed. low takes unknown time as operating without a piece; more cannot raise it.
with ratios as (
  select
    *,
    shift_run / nullif(shift_operating, 0) as value,
    shift_run / nullif(shift_operating + shift_unknown, 0) as lowest,
    shift_run / nullif(shift_operating, 0) as highest
  from work_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, shift_heard as heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then hints end,
    case when value > 1 + 1e-9 and shift_run > shift_operating + shift_unknown + outside then 'above_one:planned_cycle' end,
    notes,
    case when uncounted > 0 then 'units_without_counts' end,
    case when unplanned > 0 then 'units_without_shifts' end
  ) as flags
from ratios
