-- Rate efficiency = theoretical production time of what was made / production time (SEMI E79). low takes unknown time as
-- production that made nothing more; more production time cannot raise it.
with ratios as (
  select
    *,
    run / nullif(run_productive, 0) as value,
    run / nullif(run_productive + run_unknown, 0) as lowest,
    run / nullif(run_productive, 0) as highest
  from e79_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, run_heard as heard, total as among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then hints end,
    case when value > 1 + 1e-9 and run > run_productive + run_unknown then 'above_one:planned_cycle' end,
    notes,
    case when uncounted > 0 then 'units_without_counts' end
  ) as flags
from ratios
