-- Scenes that one provider built at two firms or more; each scene once.
with rows_of as (
  select f.park, f.start, f."end", f.firm, r.scene, r.provider,
         case when r.until is null or r.until >= f."end" then 1 else 0 end as stands,
         case r.grade when 'declared' then 0 when 'pledged' then 1 when 'documented' then 2 else 3 end as rank
  from park_firms f
  join scenes r on r.subject = f.firm and r.since < f."end"
),
told as (
  select park, start, "end", count(distinct firm) as heard, min(rank) as rank from rows_of group by park, start, "end"
),
solutions as (
  select park, start, "end", scene, provider, count(distinct firm) as firms
  from rows_of where stands = 1 and provider is not null group by park, start, "end", scene, provider
),
reused as (
  select park, start, "end", scene, max(firms) as alike from solutions group by park, start, "end", scene
),
standing as (
  select park, start, "end", scene, count(distinct firm) as firms,
         sum(case when provider is null then 1 else 0 end) as untold
  from rows_of where stands = 1 group by park, start, "end", scene
),
counts as (
  select s.park, s.start, s."end", count(*) as scenes,
         sum(case when r.alike >= 2 then 1 else 0 end) as reused,
         sum(case when r.alike >= 2 or (s.firms >= 2 and s.untold > 0) then 1 else 0 end) as possible
  from standing s
  left join reused r on r.park = s.park and r.start = s.start and r."end" = s."end" and r.scene = s.scene
  group by s.park, s.start, s."end"
),
bases as (
  select park, start, "end", count(*) as among from park_firms group by park, start, "end"
)
select t.park as subject, t.start, t."end",
       coalesce(c.reused, 0) as value,
       coalesce(c.reused, 0) as low,
       case when b.among - t.heard >= 2 then 40
            when b.among - t.heard = 1 then coalesce(c.scenes, 0)
            else coalesce(c.possible, 0) end as high,
       t.heard, b.among,
       case when t.heard < b.among or c.possible > c.reused then 'incomplete' else '' end as flags,
       case t.rank when 0 then 'declared' when 1 then 'pledged' when 2 then 'documented' else 'inspected' end as grade
from told t
join bases b on b.park = t.park and b.start = t.start and b."end" = t."end"
left join counts c on c.park = t.park and c.start = t.start and c."end" = t."end"
