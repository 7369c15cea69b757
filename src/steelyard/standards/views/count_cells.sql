-- from: samples, bindings
-- Counter samples gathered in cells of 5 minutes, for unit_made: first and last value and instant of each. clean = 1 where the
-- first value is the least, the last the greatest, and the pieces between are at most a tenth of the first: then last less first
-- is what was made, for a reset could hide in it only if, between two samples, ten times as many were made as in all the rest.
-- Values from 2^53 on, where not every whole number is a double any more, and no-numbers are impossible: passed over as bad ones.
-- Up to the lookback of samples (one day) before and after the periods, but no further than 15 minutes where a sample is there.
with counted as (
  select distinct subject, signal from bindings where "column" in ('produced', 'good', 'scrap', 'rework') and signal is not null
),
near as (
  select min(start) as a, max("end") as b from periods
),
close_cells as (
  select
    s.subject, s.signal, s."at" // 300000000 as cell, min(s."at") as a, max(s."at") as b,
    min_by(s.value, s."at") as va, max_by(s.value, s."at") as vb, min(s.value) as least_v, max(s.value) as most_v
  from samples s
  where s.signal in (select signal from counted)
    and s."at" >= (select a - 900000000 from near) and s."at" < (select b + 900000000 from near)
    and s.value >= 0 and s.value < 9007199254740992 and coalesce(s.quality, 'good') not in ('bad', 'stale', 'unavailable')
  group by s.subject, s.signal, s."at" // 300000000
),
without as (
  select
    c.subject, c.signal, max(case when e.a < near.a then 1 else 0 end) as has_before,
    max(case when e.b >= near.b then 1 else 0 end) as has_after
  from counted c
  join near on true
  left join close_cells e on e.subject = c.subject and e.signal = c.signal and (e.a < near.a or e.b >= near.b)
  group by c.subject, c.signal
),
far_cells as (
  select
    s.subject, s.signal, s."at" // 300000000 as cell, min(s."at") as a, max(s."at") as b,
    min_by(s.value, s."at") as va, max_by(s.value, s."at") as vb, min(s.value) as least_v, max(s.value) as most_v
  from samples s
  join without w on w.subject = s.subject and w.signal = s.signal and w.has_before = 0
  where s."at" >= (select a - 86400000000 from near) and s."at" < (select a - 900000000 from near)
    and s.value >= 0 and s.value < 9007199254740992 and coalesce(s.quality, 'good') not in ('bad', 'stale', 'unavailable')
  group by s.subject, s.signal, s."at" // 300000000
  union all
  select
    s.subject, s.signal, s."at" // 300000000 as cell, min(s."at") as a, max(s."at") as b,
    min_by(s.value, s."at") as va, max_by(s.value, s."at") as vb, min(s.value) as least_v, max(s.value) as most_v
  from samples s
  join without w on w.subject = s.subject and w.signal = s.signal and w.has_after = 0
  where s."at" >= (select b + 900000000 from near) and s."at" < (select b + 86400000000 from near)
    and s.value >= 0 and s.value < 9007199254740992 and coalesce(s.quality, 'good') not in ('bad', 'stale', 'unavailable')
  group by s.subject, s.signal, s."at" // 300000000
)
select
  c.subject, c.signal, c.cell, c.a, c.b, c.va, c.vb,
  case when c.va = c.least_v and c.vb = c.most_v and c.va >= 10 * (c.vb - c.va) then 1 else 0 end as clean
from (select * from close_cells union all select * from far_cells) as c
