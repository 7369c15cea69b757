-- Above-size machinery firms at level 2 or higher over those heard. low counts the unheard as below it, high as reaching it.
with machinery as (
  select distinct m."of" as region, p.start, p."end", m.subject as firm
  from members m
  cross join periods p
  join roster r on r.enterprise = m.subject and r.list = 'above_size'
    and (r.since is null or r.since < p."end") and (r.until is null or r.until > p.start)
  join subjects s on s.id = m.subject
  where m.kind = 'region' and substr(s.gbt4754, 1, 2) in ('34', '35', '36', '38', '40')
),
counts as (
  select
    f.region, f.start, f."end",
    count(c.subject) as heard,
    count(*) as among,
    sum(case when c.low >= 2 then 1.0 else 0.0 end) as reached,
    sum(case when c.high >= 2 then 1.0 else 0.0 end) as possible
  from machinery f
  left join gbt39116_2020_level c on c.subject = f.firm and c.start = f.start and c."end" = f."end"
  group by f.region, f.start, f."end"
)
select
  region as subject, start, "end",
  reached / heard as value,
  reached / among as low,
  (possible + among - heard) / among as high,
  heard, among,
  '' as flags
from counts
where heard > 0
