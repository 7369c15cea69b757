-- from: scenes
-- Typical scenes that stand at the end of a period, by link of the smart factory, each once however many instances it has;
-- told counts the scenes of the register, grade is the weakest of its rows. Which chapters belong to which link is ours.
with register as (
  select r.subject, p.start, p."end", r.scene, r.grade,
         case when r.until is null or r.until >= p."end" then 1 else 0 end as stands
  from periods p
  join scenes r on r.since < p."end"
),
built as (
  select subject, start, "end", scene, max(stands) as stands,
         case substr(scene, 1, 3) when 'S01' then 'factory' when 'S02' then 'design' when 'S03' then 'design'
              when 'S04' then 'management' when 'S05' then 'production' else 'business' end as link,
         min(case grade when 'declared' then 0 when 'pledged' then 1 when 'documented' then 2 else 3 end) as weakest
  from register
  group by subject, start, "end", scene
),
sums as (
  select subject, start, "end", count(*) as told, min(weakest) as weakest, sum(stands) as built,
         sum(case when link = 'factory' then stands else 0 end) as factory,
         sum(case when link = 'design' then stands else 0 end) as design,
         sum(case when link = 'management' then stands else 0 end) as management,
         sum(case when link = 'production' then stands else 0 end) as production,
         sum(case when link = 'business' then stands else 0 end) as business
  from built
  group by subject, start, "end"
)
select subject, start, "end", told, built, factory, design, management, production, business,
       case when factory > 0 then 1 else 0 end + case when design > 0 then 1 else 0 end
       + case when management > 0 then 1 else 0 end + case when production > 0 then 1 else 0 end
       + case when business > 0 then 1 else 0 end as links,
       case weakest when 0 then 'declared' when 1 then 'pledged' when 2 then 'documented' else 'inspected' end as grade
from sums
