-- Links with a supplier inside, over all links told; the unheard firms weigh as much as those heard.
with placed as (
  select s.park, s.start, s."end", s.customer,
         case when $within = 'city' then case when left(v.gbt2260, 4) = left(k.gbt2260, 4) then 1 when v.gbt2260 is null then null else 0 end
              when m.subject is not null then 1 else 0 end as inside
  from park_supplies s
  left join subjects v on v.id = s.supplier
  left join subjects k on k.id = s.park
  left join members m on m."of" = s.park and m.subject = s.supplier and m.kind = 'park'
  where $within = 'park' or ($within = 'city' and k.gbt2260 is not null)
),
sums as (
  select park, start, "end", sum(inside) * 1.0 as inside, count(inside) * 1.0 as told, count(*) as links,
         count(distinct customer) * 1.0 as heard
  from placed
  group by park, start, "end"
),
bases as (
  select park, start, "end", count(*) as among from park_firms group by park, start, "end"
)
select s.park as subject, s.start, s."end",
       s.inside / s.told as value,
       least(s.inside / s.told, s.inside / s.links * s.heard / b.among) as low,
       greatest(s.inside / s.told, least(1.0, (s.inside + s.links - s.told) / s.links * s.heard / b.among + (b.among - s.heard) / b.among)) as high,
       s.heard, b.among,
       case when s.heard < b.among or s.told < s.links then 'incomplete' else '' end as flags
from sums s
join bases b on b.park = s.park and b.start = s.start and b."end" = s."end"
where s.told > 0
