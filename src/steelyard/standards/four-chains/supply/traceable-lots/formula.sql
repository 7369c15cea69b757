-- Lots with both sides known, over the lots that tell; the unheard firms weigh as much as those heard.
with traced as (
  select f.park, f.start, f."end", f.firm,
         case when t.back = 'yes' and t.forward = 'yes' then 1 when t.back = 'no' or t.forward = 'no' then 0 end as both_ways
  from park_firms f
  join lots t on t.firm = f.firm and t."at" >= f.start and t."at" < f."end"
),
sums as (
  select park, start, "end", sum(both_ways) * 1.0 as traced, count(both_ways) * 1.0 as told, count(*) as lots,
         count(distinct firm) * 1.0 as heard
  from traced
  group by park, start, "end"
),
bases as (
  select park, start, "end", count(*) as among from park_firms group by park, start, "end"
)
select s.park as subject, s.start, s."end",
       s.traced / s.told as value,
       least(s.traced / s.told, s.traced / s.lots * s.heard / b.among) as low,
       greatest(s.traced / s.told, least(1.0, (s.traced + s.lots - s.told) / s.lots * s.heard / b.among + (b.among - s.heard) / b.among)) as high,
       s.heard, b.among,
       case when s.heard < b.among or s.told < s.lots then 'incomplete' else '' end as flags
from sums s
join bases b on b.park = s.park and b.start = s.start and b."end" = s."end"
where s.told > 0
