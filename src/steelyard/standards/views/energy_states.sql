-- from: energy_use, unit_moments
-- Electricity by what its unit was doing, per unit, period and state: kWh of the meters of the unit itself, each row shared out by
-- time at an even pace; sure is what lies wholly in that state, most what touches it; seconds that the state lasted, for each
-- meter, and those of them that it metered. Quantities of 10^15 or more are garbled.
with used as (
  select unit, meter, start as a, "end" as b, quantity
  from energy_use
  where carrier = 'electricity_kwh' and abs(quantity) < 1e15 and "end" > start
),
meters as (
  select distinct u.unit, u.meter, p.start, p."end"
  from used u
  join periods p on u.a < p."end" and u.b > p.start
),
lasted as (
  select unit, start, "end", state, sum(until - "at") as lasts from unit_moments group by unit, start, "end", state
),
cut as (
  select
    m.unit, m.start, m."end", m.state, u.meter, u.a, u.quantity, u.b - u.a as whole,
    sum(least(u.b, m.until) - greatest(u.a, m."at")) as inside
  from unit_moments m
  join used u on u.unit = m.unit and u.a < m.until and u.b > m."at"
  group by m.unit, m.start, m."end", m.state, u.meter, u.a, u.quantity, u.b - u.a
),
shared as (
  select
    unit, start, "end", state, meter,
    total(quantity * (inside * 1.0 / whole)) as kwh,
    total(case when inside = whole then quantity else 0 end) as sure, total(quantity) as most,
    sum(inside) as metered
  from cut
  group by unit, start, "end", state, meter
)
select
  k.unit, k.start, k."end", l.state, k.meter, s.kwh, coalesce(s.sure, 0.0) as sure, coalesce(s.most, 0.0) as most,
  coalesce(s.metered, 0) / 1000000.0 as metered, l.lasts / 1000000.0 as seconds
from meters k
join lasted l on l.unit = k.unit and l.start = k.start and l."end" = k."end"
left join shared s on s.unit = l.unit and s.start = l.start and s."end" = l."end" and s.state = l.state and s.meter = k.meter
