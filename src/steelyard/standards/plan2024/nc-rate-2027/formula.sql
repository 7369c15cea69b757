-- The latest published key_process_nc_rate (in per cent) over its target; where values of one date contradict, value is the lowest.
with known as (
  select p.start, p."end", r.subject, r.as_of, r.value / 100.0 as rate
  from periods p
  join published r on r.as_of <= p."end"
  where r.indicator = 'key_process_nc_rate'
),
latest as (
  select start, "end", subject, max(as_of) as as_of
  from known
  group by start, "end", subject
),
ranges as (
  select k.subject, k.start, k."end", k.as_of, min(k.rate) as least, max(k.rate) as most, count(*) as rows_read
  from known k
  join latest l on l.subject = k.subject and l.start = k.start and l."end" = k."end" and l.as_of = k.as_of
  group by k.subject, k.start, k."end", k.as_of
)
select
  subject, start, "end",
  least / $target as value,
  least / $target as low,
  most / $target as high,
  rows_read as heard,
  rows_read as among,
  concat_ws(',', case when most > least then 'contradicting' end, case when as_of < start then 'older_than_period' end) as flags
from ranges
