-- Links that are the only source, over the links that tell; the unheard firms weigh as much as those heard.
with sums as (
  select park, start, "end", sum(case when sole = 'yes' then 1.0 else 0.0 end) as sole, count(sole) * 1.0 as told, count(*) as links,
         count(distinct customer) * 1.0 as heard
  from park_supplies
  group by park, start, "end"
),
bases as (
  select park, start, "end", count(*) as among from park_firms group by park, start, "end"
)
select s.park as subject, s.start, s."end",
       s.sole / s.told as value,
       least(s.sole / s.told, s.sole / s.links * s.heard / b.among) as low,
       greatest(s.sole / s.told, least(1.0, (s.sole + s.links - s.told) / s.links * s.heard / b.among + (b.among - s.heard) / b.among)) as high,
       s.heard, b.among,
       case when s.heard < b.among or s.told < s.links then 'incomplete' else '' end as flags
from sums s
join bases b on b.park = s.park and b.start = s.start and b."end" = s."end"
where s.told > 0
