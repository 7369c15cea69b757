-- OEE = availability * effectiveness * quality (ISO 22400-2). With the quality of mixed products weighted by planned run time,
-- sum(PRI*GQ) / sum(PRI*PQ), the factors APT and sum(PRI*PQ) cancel and it is sum(PRI*GQ) / PBT; for one product that quality
-- is GQ / PQ. Over the observed planned time of the units that have counts. low takes unknown time as a stop, high as production
-- at the observed rate, or at the planned rate where no production was observed.
with ratios as (
  select
    *,
    good / nullif(good_heard, 0) as value,
    good / nullif(pbt, 0) as lowest,
    running / nullif(pbt, 0) * coalesce(good / nullif(good_apt, 0), 1.0) as highest
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
