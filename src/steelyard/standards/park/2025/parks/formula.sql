-- Parks of the region that are proven to meet all clauses, and those that can; each once.
with parks as (
  select distinct m."of" as region, m.subject as park
  from members m
  join subjects s on s.id = m.subject and s.kind = 'park'
  where m.kind = 'region'
),
stays as (
  select m.subject as firm, m."of" as park, m.since, m.until
  from memberships m
  join subjects s on s.id = m."of" and s.kind = 'park'
),
twice as (
  select distinct a.park, p.start, p."end"
  from stays a
  join stays b on b.firm = a.firm and b.park <> a.park
    and (a.since is null or b.until is null or a.since < b.until) and (b.since is null or a.until is null or b.since < a.until)
  join periods p on (a.since is null or a.since < p."end") and (b.since is null or b.since < p."end")
    and (a.until is null or a.until > p.start) and (b.until is null or b.until > p.start)
  left join members i on i.subject = a.park and i."of" = b.park
  left join members o on o.subject = b.park and o."of" = a.park
  where i.subject is null and o.subject is null
),
counts as (
  select
    k.region, p.start, p."end",
    count(g.subject) as heard,
    count(*) as among,
    count(w.park) as twice,
    sum(case when g.low >= 1 then 1 else 0 end) as proven,
    sum(case when g.high >= 1 then 1 else 0 end) as possible
  from parks k
  cross join periods p
  left join park_2025_gate g on g.subject = k.park and g.start = p.start and g."end" = p."end"
  left join twice w on w.park = k.park and w.start = p.start and w."end" = p."end"
  group by k.region, p.start, p."end"
)
select
  region as subject, start, "end",
  proven as value,
  proven as low,
  possible + among - heard as high,
  heard, among,
  case when twice > 0 then 'firm_in_two_parks' else '' end as flags
from counts
where heard > 0
