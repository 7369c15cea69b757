-- NEE = AUPT / PBT * effectiveness * quality, AUPT = APT + AUST (ISO 22400-2). Set-up is not a loss here. Quality of mixed
-- products is weighted by planned run time, as in OEE, so NEE = (APT + AUST) / PBT * sum(PRI*GQ) / APT. low takes unknown
-- time as production that made nothing more, high as production or set-up at the observed rate.
with ratios as (
  select
    *,
    (good_apt + good_aust) / nullif(good_heard, 0) * good / nullif(good_apt, 0) as value,
    (good_apt + good_aust + good_unknown) / nullif(pbt, 0) * good / nullif(good_apt + good_unknown, 0) as lowest,
    processing / nullif(pbt, 0) * good / nullif(good_apt, 0) as highest
  from work_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, good_heard as heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then hints end,
    case when value > 1 + 1e-9 and good > good_apt + good_unknown + outside then 'above_one:planned_cycle' end,
    notes,
    case when uncounted > 0 then 'units_without_counts' end,
    case when unplanned > 0 then 'units_without_shifts' end
  ) as flags
from ratios
