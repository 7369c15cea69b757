-- Energy of the period over the good pieces of the orders finished in it: each piece once, at the end of its order. Over the
-- orders that told their good quantity; where some did not, low takes them as many pieces as they produced.
with parts as (
  select distinct m."of" as subject, t.start, t."end", t."order", t.good, coalesce(t.good, t.produced) as most
  from members m
  join order_times t on t.owner = m.subject
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
sums as (
  select
    subject, start, "end",
    total(good) as good, total(most) as most, count(good) as heard, count(*) as among
  from parts
  group by subject, start, "end"
)
select
  s.subject, s.start, s."end",
  e.value / nullif(s.good, 0) as value,
  least(e.low / nullif(s.most, 0), e.value / nullif(s.good, 0)) as low,
  greatest(e.high, e.value) / nullif(s.good, 0) as high,
  s.heard, s.among,
  concat_ws(
    ',',
    case when e.heard < e.among - 1e-6 then 'energy_gaps' end,
    case when s.heard < s.among then 'orders_without_quantity' end
  ) as flags
from sums s
join energy_consumption e on e.subject = s.subject and e.start = s.start and e."end" = s."end"
