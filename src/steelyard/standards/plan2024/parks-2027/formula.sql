-- Parks of the region whose coverage is proven full, over the national target. A rounding of 1e-9 is allowed.
with parks as (
  select distinct m."of" as region, m.subject as park
  from members m
  join subjects s on s.id = m.subject and s.kind = 'park'
  where m.kind = 'region'
),
counts as (
  select
    k.region, p.start, p."end",
    count(c.subject) as heard,
    count(*) as among,
    sum(case when c.value >= 1.0 - 1e-9 and c.low >= 1.0 - 1e-9 then 1.0 else 0.0 end) as covered,
    sum(case when c.high >= 1.0 - 1e-9 then 1.0 else 0.0 end) as possible
  from parks k
  cross join periods p
  left join park_coverage c on c.subject = k.park and c.start = p.start and c."end" = p."end"
  group by k.region, p.start, p."end"
)
select
  region as subject, start, "end",
  covered / $target as value,
  covered / $target as low,
  (possible + among - heard) / $target as high,
  heard, among,
  '' as flags
from counts
where heard > 0
