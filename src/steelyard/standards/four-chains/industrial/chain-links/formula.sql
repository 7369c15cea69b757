-- Links that a firm of the park stands at by its industry; letters of GB/T 4754 sections before the digits are cut off.
with coded as (
  select f.park, f.start, f."end", f.firm,
         nullif(case when s.gbt4754 >= 'A' then substring(s.gbt4754, 2, 4) else s.gbt4754 end, '') as code
  from park_firms f
  left join subjects s on s.id = f.firm
),
links as (
  select park, chain, link, nullif(case when industry >= 'A' then substring(industry, 2, 4) else industry end, '') as code from chain_links
),
met as (
  select c.park, c.start, c."end", l.chain, l.link,
         max(case when starts_with(c.code, l.code) then 1 else 0 end) as present,
         max(case when c.code is null or l.code is null or starts_with(l.code, c.code) then 1 else 0 end) as possible
  from coded c
  join links l on l.park = c.park
  group by c.park, c.start, c."end", l.chain, l.link
),
counts as (
  select park, start, "end", count(*) * 1.0 as links, sum(present) as present,
         sum(case when present = 0 then possible else 0 end) as possible
  from met
  group by park, start, "end"
),
vague as (
  select c.park, c.start, c."end", count(distinct c.firm) as firms
  from coded c
  join links l on l.park = c.park and (c.code is null or l.code is null or (starts_with(l.code, c.code) and l.code <> c.code))
  group by c.park, c.start, c."end"
),
bases as (
  select park, start, "end", count(code) as heard, count(*) as among from coded group by park, start, "end"
)
select c.park as subject, c.start, c."end",
       c.present / c.links as value,
       c.present / c.links as low,
       (c.present + least(c.possible, coalesce(v.firms, 0))) / c.links as high,
       b.heard, b.among,
       case when b.heard < b.among or (c.possible > 0 and v.firms > 0) then 'incomplete' else '' end as flags
from counts c
join bases b on b.park = c.park and b.start = c.start and b."end" = c."end"
left join vague v on v.park = c.park and v.start = c.start and v."end" = c."end"
where b.heard > 0
