-- Effectiveness = PRI * PQ / APT (ISO 22400-2); several products: the sum of PRI * PQ. Over the units that have counts.
-- low takes unknown time as production that made nothing more; more production time cannot raise it, so high = value.
with ratios as (
  select
    *,
    run / nullif(run_apt, 0) as value,
    run / nullif(run_apt + run_unknown, 0) as lowest,
    run / nullif(run_apt, 0) as highest
  from work_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, run_heard as heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then hints end,
    case when value > 1 + 1e-9 and run > run_apt + run_unknown + outside then 'above_one:planned_cycle' end,
    notes,
    case when untold > 0 then 'units_without_counts' end
  ) as flags
from ratios
