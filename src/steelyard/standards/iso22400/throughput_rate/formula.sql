-- Throughput rate = PQ / AOET (ISO 22400-2), pieces an hour, over the orders finished in the period: sum over sum. low takes
-- orders that did not tell their quantity as having produced nothing, high as the others.
with parts as (
  select distinct m."of" as subject, t.start, t."end", t."order", t.aoet, t.produced
  from members m
  join order_times t on t.owner = m.subject
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
sums as (
  select
    subject, start, "end",
    total(produced) as produced,
    total(case when produced is not null then aoet end) as heard_aoet,
    total(aoet) as aoet,
    count(produced) as heard, count(*) as among
  from parts
  group by subject, start, "end"
),
ratios as (
  select *, produced * 3600.0 / nullif(heard_aoet, 0) as value, produced * 3600.0 / nullif(aoet, 0) as lowest from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  value as high,
  heard, among,
  '' as flags
from ratios
