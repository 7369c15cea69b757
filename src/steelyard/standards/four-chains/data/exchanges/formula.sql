-- Exchanges sent from system to system, over the firms that any row tells of and the months; never a mean of the firms' means.
with lengths as (
  select start, "end", "end" <= known as over, (least("end", known) - start) / 2629800000000.0 as months
  from periods where known > start
),
firms as (
  select f.park, f.start, f."end", f.firm, count(e."from") as told,
         coalesce(sum(case when e.digital = 'yes' then coalesce(e.number, 1) else 0 end), 0) as sent
  from park_firms f
  left join exchanges e on e."from" = f.firm and e."at" >= f.start and e."at" < f."end"
  group by f.park, f.start, f."end", f.firm
),
counts as (
  select park, start, "end", sum(sent) * 1.0 as sent, greatest(max(sent), 1) as busiest,
         sum(case when told > 0 then 1.0 else 0.0 end) as heard, count(*) as among
  from firms
  group by park, start, "end"
),
paced as (
  select c.park, c.start, c."end", c.sent, c.busiest, c.heard, c.among,
         case when l.over and l.months >= 0.9 then floor(l.months + 0.5) else l.months end as months
  from counts c
  join lengths l on l.start = c.start and l."end" = c."end"
)
select park as subject, start, "end",
       sent / (heard * months) as value,
       sent / (among * months) as low,
       greatest(sent / (heard * months), (sent + (among - heard) * busiest) / (among * months)) as high,
       heard, among,
       case when heard < among then 'incomplete' else '' end as flags
from paced
where heard > 0
