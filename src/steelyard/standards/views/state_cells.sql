-- from: samples, bindings
-- Samples of states gathered in cells of 2 minutes, for unit_states: first and last instant of each, and its word. clean = 1 where
-- all samples say the same word and none is bad, stale or unavailable.
with stating as (
  select distinct signal from bindings where "column" = 'state'
),
near as (
  select min(start) - 86400000000 as a, max("end") as b from periods
)
select
  s.subject, s.signal, s."at" // 120000000 as cell, min(s."at") as a, max(s."at") as b, min(s.text) as word,
  case when min(s.text) = max(s.text) and count(s.text) = count(*)
    and max(case when s.quality in ('bad', 'stale', 'unavailable') then 1 else 0 end) = 0 then 1 else 0 end as clean
from samples s
where s.signal in (select signal from stating) and s."at" >= (select a from near) and s."at" < (select b from near)
group by s.subject, s.signal, s."at" // 120000000
