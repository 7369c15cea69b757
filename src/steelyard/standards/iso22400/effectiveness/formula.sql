-- Effectiveness = PRI * PQ / APT (ISO 22400-2); several products: the sum of PRI * PQ. Over the units that have counts.
-- low takes unknown time as production that made nothing more; more production time cannot raise it, so high = value.
with parts as (
  select
    m."of" as subject, t.start, t."end",
    t.apt, t.unknown, t.among, t.outside,
    c.planned_run, c.prorated,
    c.unit is not null as counted,
    case when c.unit is null then 1 else 0 end as uncounted
  from members m
  join unit_times t on t.unit = m.subject
  left join unit_counts c on c.unit = t.unit and c.start = t.start and c."end" = t."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
sums as (
  select
    subject, start, "end",
    total(case when counted then apt end) as heard_apt,
    total(case when counted then unknown end) as heard_unknown,
    total(case when counted then planned_run end) as planned_run,
    total(case when counted then among - unknown end) as heard, total(among) as among,
    total(outside) as outside, sum(prorated) as prorated,
    sum(uncounted) as uncounted
  from parts
  group by subject, start, "end"
),
ratios as (
  select
    *,
    planned_run / nullif(heard_apt, 0) as value,
    planned_run / nullif(heard_apt + heard_unknown, 0) as lowest,
    planned_run / nullif(heard_apt, 0) as highest
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
    case when uncounted > 0 then 'units_without_counts' end
  ) as flags
from ratios
