-- from: unit_moments
-- Seconds of ISO 22400-2 time elements per unit and period. A unit with shifts is looked at within planned busy time less
-- planned downs; one without, over the period. Microseconds are summed as whole numbers, so that the sum has no order.
select
  unit, start, "end",
  case when has_shifts = 1 then sum(case when planned = 1 then until - "at" else 0 end) / 1000000.0 end as pbt,
  sum(case when planned = 1 and state = 'production' then until - "at" else 0 end) / 1000000.0 as apt,
  sum(case when planned = 1 and state = 'setup' then until - "at" else 0 end) / 1000000.0 as aust,
  sum(case when planned = 1 and state = 'delay' then until - "at" else 0 end) / 1000000.0 as adet,
  sum(case when planned = 1 and state = 'waiting' then until - "at" else 0 end) / 1000000.0 as adot,
  sum(case when planned = 1 and state = 'unknown' then until - "at" else 0 end) / 1000000.0 as unknown,
  sum(case when planned = 1 then until - "at" else 0 end) / 1000000.0 as among,
  sum(case when planned = 0 and has_shifts = 1 and produces = 1 then until - "at" else 0 end) / 1000000.0 as outside
from unit_moments
group by unit, start, "end", has_shifts
