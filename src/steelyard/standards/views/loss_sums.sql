-- from: unit_losses, unit_times, members
-- Seconds of planned time per subject, period and category: sums over the units below it that have shifts, of which unplanned
-- counts the others; 0 where a unit lost nothing that way. Those of unit_losses are summed a unit first, as weigh.losses does.
with lost as (
  select unit, start, "end", category, total(seconds) as seconds from unit_losses group by unit, start, "end", category
),
categories as (
  select 'setup' as category union all select 'stops' union all select 'waiting' union all select 'unknown' union all
  select 'uncounted' union all select 'speed' union all select 'quality' union all select 'productive'
)
select
  m."of" as subject, t.start, t."end", c.category,
  case when count(t.pbt) > 0 then total(case when t.pbt is not null then coalesce(l.seconds, 0.0) else 0.0 end) end as seconds,
  total(case when t.pbt is not null then t.unknown else 0.0 end) as unknown,
  total(case when t.pbt is not null then t.among - t.unknown else 0.0 end) as heard,
  total(case when t.pbt is not null then t.among else 0.0 end) as among,
  sum(case when t.pbt is null then 1 else 0 end) as unplanned
from members m
join unit_times t on t.unit = m.subject
cross join categories c
left join lost l on l.unit = t.unit and l.start = t.start and l."end" = t."end" and l.category = c.category
group by m."of", t.start, t."end", c.category
