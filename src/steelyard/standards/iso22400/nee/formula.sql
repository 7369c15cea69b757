-- NEE = AUPT / PBT * effectiveness * quality, AUPT = APT + AUST (ISO 22400-2). Set-up is not a loss here. Quality of mixed
-- products is weighted by planned run time, as in OEE, so NEE = (APT + AUST) / PBT * sum(PRI*GQ) / APT. low takes unknown
-- time as production that made nothing more, high as production or set-up at the observed rate.
with parts as (
  select
    m."of" as subject, t.start, t."end",
    t.pbt, t.apt, t.aust, t.unknown, t.among, t.outside,
    c.planned_good, c.prorated,
    c.unit is not null and t.pbt is not null as counted,
    case when c.unit is null and t.pbt is not null then 1 else 0 end as uncounted,
    case when t.pbt is null then 1 else 0 end as unplanned
  from members m
  join unit_times t on t.unit = m.subject
  left join unit_counts c on c.unit = t.unit and c.start = t.start and c."end" = t."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
sums as (
  select
    subject, start, "end",
    sum(pbt) as pbt,
    sum(apt + aust + unknown) filter (where pbt is not null) as processing,
    sum(pbt - unknown) filter (where counted) as observed,
    sum(apt) filter (where counted) as heard_apt,
    sum(aust) filter (where counted) as heard_aust,
    sum(unknown) filter (where counted) as heard_unknown,
    sum(planned_good) filter (where counted) as planned_good,
    sum(among - unknown) filter (where counted) as heard, sum(among) as among,
    sum(outside) as outside, sum(prorated) as prorated,
    sum(unplanned) as unplanned,
    sum(uncounted) as uncounted
  from parts
  group by subject, start, "end"
),
ratios as (
  select
    *,
    (heard_apt + heard_aust) / nullif(observed, 0) * planned_good / nullif(heard_apt, 0) as value,
    (heard_apt + heard_aust + heard_unknown) / nullif(pbt, 0) * planned_good / nullif(heard_apt + heard_unknown, 0) as lowest,
    processing / nullif(pbt, 0) * planned_good / nullif(heard_apt, 0) as highest
  from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  greatest(highest, value) as high,
  heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then case when outside > 0 then 'above_one:outside_plan' else 'above_one:planned_cycle' end end,
    case when prorated > 0 then 'prorated' end,
    case when uncounted > 0 then 'units_without_counts' end,
    case when unplanned > 0 then 'units_without_shifts' end
  ) as flags
from ratios
