-- OEE = availability * effectiveness * quality (ISO 22400-2). With the quality of mixed products weighted by planned run time,
-- sum(PRI*GQ) / sum(PRI*PQ), the factors APT and sum(PRI*PQ) cancel and it is sum(PRI*GQ) / PBT; for one product that quality
-- is GQ / PQ. Over the observed planned time of the units that have counts. low takes unknown time as a stop, high as production
-- at the observed rate, or at the planned rate where no production was observed.
with parts as (
  select
    m."of" as subject, t.start, t."end",
    t.pbt, t.apt, t.unknown, t.among, t.outside,
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
    total(case when pbt is not null then apt + unknown end) as running,
    total(case when counted then pbt - unknown end) as observed,
    total(case when counted then apt end) as heard_apt,
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
    planned_good / nullif(observed, 0) as value,
    planned_good / nullif(pbt, 0) as lowest,
    running / nullif(pbt, 0) * coalesce(planned_good / nullif(heard_apt, 0), 1.0) as highest
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
