-- First pass yield = GP / IP (ISO 22400-2), single parts. A part counts once for a subject and period; it is good when all its
-- first attempts there are good. low takes parts whose result is not known as not good, high as good.
with parts as (
  select
    m."of" as subject, p.start, p."end", i.part,
    sum(case when i.result in ('rework', 'scrap') then 1 else 0 end) as failed,
    sum(case when i.result is null then 1 else 0 end) as untold
  from members m
  join inspections i on i.unit = m.subject
  join periods p on i.at >= p.start and i.at < p."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise') and i.attempt = 1
  group by m."of", p.start, p."end", i.part
),
sums as (
  select
    subject, start, "end",
    total(case when failed = 0 and untold = 0 then 1.0 else 0.0 end) as good,
    total(case when failed = 0 and untold > 0 then 1.0 else 0.0 end) as open,
    sum(case when failed > 0 or untold = 0 then 1 else 0 end) as heard, count(*) as among
  from parts
  group by subject, start, "end"
)
select
  subject, start, "end",
  good / nullif(heard, 0) as value,
  least(good / nullif(among, 0), good / nullif(heard, 0)) as low,
  greatest((good + open) / nullif(among, 0), good / nullif(heard, 0)) as high,
  heard, among,
  '' as flags
from sums
