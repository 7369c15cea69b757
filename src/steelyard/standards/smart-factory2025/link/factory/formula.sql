-- Scenes of factory building that stand at the end of the period, each once. Weakest grade of the register's rows.
with register as (
  select r.subject, p.start, p."end", r.scene, r.grade,
         case when r.until is null or r.until >= p."end" then 1 else 0 end as stands
  from periods p
  join scenes r on r.since < p."end"
),
built as (
  select subject, start, "end", scene, max(stands) as stands,
         min(case grade when 'declared' then 0 when 'pledged' then 1 when 'documented' then 2 else 3 end) as weakest
  from register
  group by subject, start, "end", scene
),
sums as (
  select subject, start, "end",
         count(case when stands = 1 and substr(scene, 1, 3) = 'S01' then 1 end) as built, count(*) as told, min(weakest) as weakest
  from built
  group by subject, start, "end"
)
select subject, start, "end", built as value, built as low, built as high, told as heard, told as among,
       case weakest when 0 then 'declared' when 1 then 'pledged' when 2 then 'documented' else 'inspected' end as grade
from sums
