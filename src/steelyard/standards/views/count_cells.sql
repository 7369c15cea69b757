-- from: samples, bindings
-- Counter samples gathered in cells of 5 minutes, for unit_made: first and last value and instant of each. clean = 1 where the
-- first value is the least, the last the greatest, and the pieces between are at most a tenth of the first: then last less first
-- is what was made, for a reset could hide in it only if, between two samples, ten times as many were made as in all the rest.
with counted as (
  select distinct signal from bindings where "column" in ('produced', 'good', 'scrap', 'rework') and signal is not null
),
near as (
  select min(start) - 86400000000 as a, max("end") + 86400000000 as b from periods
),
cells as (
  select
    s.subject, s.signal, s."at" // 300000000 as cell, min(s."at") as a, max(s."at") as b,
    min_by(s.value, s."at") as va, max_by(s.value, s."at") as vb, min(s.value) as least_v, max(s.value) as most_v
  from samples s
  where s.signal in (select signal from counted) and s."at" >= (select a from near) and s."at" < (select b from near)
    and s.value >= 0 and coalesce(s.quality, 'good') not in ('bad', 'stale', 'unavailable')
  group by s.subject, s.signal, s."at" // 300000000
)
select
  subject, signal, cell, a, b, va, vb,
  case when va = least_v and vb = most_v and va >= 10 * (vb - va) then 1 else 0 end as clean
from cells
