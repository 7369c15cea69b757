-- Energy of all carriers in kg of coal equivalent (1 kgce = 29307 kJ, GB/T 2589). Where a subject has a meter of a carrier, the
-- meters of that carrier below it are parts of it and do not count again. Time of the period that a meter did not cover is taken
-- at the pace of the rest for value and high, as without use for low; natural gas without a measured heating value has a range.
with parents as (
  select distinct s."of" as subject, e.unit, e.carrier, e.start, e."end"
  from energy_sums e
  join members a on a.subject = e.unit and a."of" <> e.unit
  join energy_sums b on b.unit = a."of" and b.carrier = e.carrier and b.start = e.start and b."end" = e."end"
  join members s on s.subject = a."of"
),
counted as (
  select
    m."of" as subject, e.start, e."end", e.quantity, e.kgce, e.metered, e.prorated,
    (e."end" - e.start) / 1000000.0 as seconds,
    case e.carrier when 'natural_gas_m3' then cast($natural_gas as double)
         when 'electricity_kwh' then cast($electricity as double)
         when 'heat_mj' then cast($heat as double)
         when 'raw_coal_kg' then cast($raw_coal as double)
         when 'coke_kg' then cast($coke as double)
         when 'diesel_kg' then cast($diesel as double)
         when 'gasoline_kg' then cast($gasoline as double)
         when 'fuel_oil_kg' then cast($fuel_oil as double)
         when 'lpg_kg' then cast($lpg as double)
         when 'lng_kg' then cast($lng as double) end as usual,
    case e.carrier when 'natural_gas_m3' then cast($natural_gas_least as double) else 0 end as least_gas,
    case e.carrier when 'natural_gas_m3' then cast($natural_gas_most as double) else 0 end as most_gas
  from members m
  join energy_sums e on e.unit = m.subject
  join periods p on p.start = e.start and p."end" = e."end"
  left join parents b
    on b.subject = m."of" and b.unit = e.unit and b.carrier = e.carrier and b.start = e.start and b."end" = e."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise') and b.unit is null
),
converted as (
  select
    *,
    kgce + quantity * coalesce(usual, 0) as mid,
    kgce + quantity * case when least_gas > 0 then least_gas else coalesce(usual, 0) end as bottom,
    kgce + quantity * case when most_gas > 0 then most_gas else coalesce(usual, 0) end as top,
    seconds / metered as pace,
    case when usual is null and quantity > 0 then 1 else 0 end as unconverted
  from counted
),
sums as (
  select
    subject, start, "end",
    total(mid * pace) as value, total(bottom) as lowest, total(top * pace) as highest,
    total(metered) as heard, total(seconds) as among,
    sum(prorated) as prorated, sum(unconverted) as unconverted
  from converted
  group by subject, start, "end"
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  greatest(highest, value) as high,
  heard, among,
  concat_ws(
    ',',
    case when heard < among - 1e-6 then 'energy_gaps' end,
    case when prorated > 0 then 'prorated' end
  ) as flags
from sums
where unconverted = 0
