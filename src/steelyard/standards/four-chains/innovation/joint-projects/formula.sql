-- Projects with two members or more, once each; the busiest firm's number bounds what the unheard could add.
with running as (
  select p.start, p."end", j.project, j.member
  from periods p
  join projects j on j.since < p."end" and (j.until is null or j.until > p.start)
  where j.kind <> 'none'
),
joint as (
  select start, "end", project from running group by start, "end", project having count(distinct member) >= 2
),
found as (
  select distinct f.park, f.start, f."end", f.firm, r.project
  from park_firms f
  join running r on r.member = f.firm and r.start = f.start and r."end" = f."end"
  join joint j on j.project = r.project and j.start = r.start and j."end" = r."end"
),
counted as (
  select park, start, "end", count(distinct project) as projects from found group by park, start, "end"
),
firms as (
  select f.park, f.start, f."end", f.firm, count(distinct g.project) as projects
  from park_firms f
  left join found g on g.park = f.park and g.firm = f.firm and g.start = f.start and g."end" = f."end"
  group by f.park, f.start, f."end", f.firm
),
told as (
  select distinct p.start, p."end", j.member from periods p join projects j on j.since < p."end"
),
sums as (
  select f.park, f.start, f."end", max(f.projects) as busiest, count(t.member) as heard, count(*) as among
  from firms f
  left join told t on t.member = f.firm and t.start = f.start and t."end" = f."end"
  group by f.park, f.start, f."end"
)
select s.park as subject, s.start, s."end",
       coalesce(c.projects, 0) as value,
       coalesce(c.projects, 0) as low,
       coalesce(c.projects, 0) + (s.among - s.heard) * greatest(s.busiest, 1) as high,
       s.heard, s.among,
       case when s.heard < s.among then 'incomplete' else '' end as flags
from sums s
left join counted c on c.park = s.park and c.start = s.start and c."end" = s."end"
where s.heard > 0
