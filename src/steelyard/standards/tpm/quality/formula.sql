-- TPM rate of quality = (processed - defect) / processed (Nakajima), a piece that needs rework is a defect. Several products are
-- weighted by ideal cycle time, so that availability * performance * quality is OEE; for one product it is good pieces / pieces.
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
    total(case when counted then planned_good end) / nullif(total(case when counted and planned_good is not null then planned_run end), 0) as value,
    total(case when counted then among - unknown end) as heard, total(among) as among,
    sum(prorated) as prorated, sum(unplanned) as unplanned, sum(uncounted) as uncounted
  from parts
  group by subject, start, "end"
)
select
  subject, start, "end",
  value, value as low, value as high,
  heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:counts' end,
    case when prorated > 0 then 'prorated' end,
    case when uncounted > 0 then 'units_without_counts' end,
    case when unplanned > 0 then 'units_without_shifts' end
  ) as flags
from sums
