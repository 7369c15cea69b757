-- from: samples, bindings
-- Samples of states gathered in cells of 2 minutes, for unit_states: first and last instant of each, and its word. clean = 1 where
-- all samples say the same word and none is bad, stale or unavailable.
-- Up to the lookback of samples (one day) before the periods, but no further than 15 minutes where a sample is there.
with stating as (
  select distinct subject, signal from bindings where "column" = 'state'
),
near as (
  select min(start) as a, max("end") as b from periods
),
close_cells as (
  select
    s.subject, s.signal, s."at" // 120000000 as cell, min(s."at") as a, max(s."at") as b, min(s.text) as word,
    case when min(s.text) = max(s.text) and count(s.text) = count(*)
      and max(case when s.quality in ('bad', 'stale', 'unavailable') then 1 else 0 end) = 0 then 1 else 0 end as clean
  from samples s
  where s.signal in (select signal from stating) and s."at" >= (select a - 900000000 from near) and s."at" < (select b from near)
  group by s.subject, s.signal, s."at" // 120000000
),
without as (
  select c.subject, c.signal
  from stating c
  join near on true
  left join close_cells e on e.subject = c.subject and e.signal = c.signal and e.a < near.a
  group by c.subject, c.signal
  having count(e.a) = 0
)
select subject, signal, cell, a, b, word, clean from close_cells
union all
select
  s.subject, s.signal, s."at" // 120000000 as cell, min(s."at") as a, max(s."at") as b, min(s.text) as word,
  case when min(s.text) = max(s.text) and count(s.text) = count(*)
    and max(case when s.quality in ('bad', 'stale', 'unavailable') then 1 else 0 end) = 0 then 1 else 0 end as clean
from samples s
join without w on w.subject = s.subject and w.signal = s.signal
where s."at" >= (select a - 86400000000 from near) and s."at" < (select a - 900000000 from near)
group by s.subject, s.signal, s."at" // 120000000
