-- Rate efficiency = theoretical production time of what was made / production time (SEMI E79). low takes unknown time as
-- production that made nothing more; more production time cannot raise it.
with parts as (
  select
    m."of" as subject, t.start, t."end", t.total, t.productive, t.unknown,
    c.planned_run, c.planned_good, c.prorated,
    c.unit is not null as counted,
    case when c.unit is null then 1 else 0 end as uncounted
  from members m
  join e10_times t on t.unit = m.subject
  left join unit_counts c on c.unit = t.unit and c.start = t.start and c."end" = t."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
sums as (
  select
    subject, start, "end",
    total(total) as total, total(productive + unknown) as possible,
    total(case when counted then total - unknown end) as heard,
    total(case when counted then productive end) as productive,
    total(case when counted then unknown end) as unknown,
    total(case when counted then planned_run end) as planned_run,
    total(case when counted and planned_good is not null then planned_run end) as planned_judged,
    total(case when counted then planned_good end) as planned_good,
    sum(prorated) as prorated, sum(uncounted) as uncounted
  from parts
  group by subject, start, "end"
),
ratios as (
  select
    *,
    planned_run / nullif(productive, 0) as value,
    planned_run / nullif(productive + unknown, 0) as lowest,
    planned_run / nullif(productive, 0) as highest
  from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  greatest(highest, value) as high,
  heard, total as among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:planned_cycle' end,
    case when prorated > 0 then 'prorated' end,
    case when uncounted > 0 then 'units_without_counts' end
  ) as flags
from ratios
