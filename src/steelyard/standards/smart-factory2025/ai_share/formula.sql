-- Scenes with AI over scenes that stand at the end of the period; unknown ones widen the range. Weakest grade of their rows.
with standing as (
  select r.subject, p.start, p."end", r.scene, r.ai, r.grade
  from periods p
  join scenes r on r.since < p."end" and (r.until is null or r.until >= p."end")
),
known as (
  select subject, start, "end", scene,
         case when max(case when ai = 'yes' then 1 else 0 end) = 1 then 1.0
              when count(case when ai = 'no' then 1 end) = count(*) then 0.0 end as ai,
         min(case grade when 'declared' then 0 when 'pledged' then 1 when 'documented' then 2 else 3 end) as weakest
  from standing
  group by subject, start, "end", scene
),
sums as (
  select subject, start, "end", count(case when ai = 1.0 then 1 end) as yes, count(ai) as heard, count(*) as among,
         min(weakest) as weakest
  from known
  group by subject, start, "end"
)
select
  subject, start, "end",
  yes * 1.0 / nullif(heard, 0) as value,
  yes * 1.0 / among as low,
  (yes + among - heard) * 1.0 / among as high,
  heard, among,
  case when heard < among then 'scenes_unknown' else '' end as flags,
  case weakest when 0 then 'declared' when 1 then 'pledged' when 2 then 'documented' else 'inspected' end as grade
from sums
