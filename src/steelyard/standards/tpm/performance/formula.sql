-- TPM performance = ideal cycle time * processed amount / operating time (Nakajima), never clipped at 1. Operating time is
-- production and waiting, for idling is a loss of speed. low takes unknown time as operating without a piece; more cannot raise it.
with parts as (
  select
    m."of" as subject, t.start, t."end",
    t.pbt, t.apt, t.aust, t.adet, t.adot, t.unknown, t.among, t.outside,
    c.planned_run, c.planned_good, c.prorated,
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
    total(case when counted then apt + adot end) as operating,
    total(case when counted then unknown end) as unknown,
    total(case when counted then planned_run end) as planned_run,
    total(case when counted then among - unknown end) as heard, total(among) as among,
    total(outside) as outside, sum(prorated) as prorated,
    sum(unplanned) as unplanned, sum(uncounted) as uncounted
  from parts
  group by subject, start, "end"
),
ratios as (
  select
    *, planned_run / nullif(operating, 0) as value, planned_run / nullif(operating + unknown, 0) as lowest
  from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  value as high,
  heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then case when outside > 0 then 'above_one:outside_plan' else 'above_one:planned_cycle' end end,
    case when prorated > 0 then 'prorated' end,
    case when uncounted > 0 then 'units_without_counts' end,
    case when unplanned > 0 then 'units_without_shifts' end
  ) as flags
from ratios
