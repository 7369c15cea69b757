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
    total(pbt) as pbt,
    total(case when pbt is not null then apt + aust + unknown end) as processing,
    total(case when counted then pbt - unknown end) as observed,
    total(case when counted then apt end) as heard_apt,
    total(case when counted then aust end) as heard_aust,
    total(case when counted then unknown end) as heard_unknown,
    total(case when counted then planned_good end) as planned_good,
    total(case when counted then among - unknown end) as heard, total(among) as among,
    total(outside) as outside, sum(prorated) as prorated,
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
