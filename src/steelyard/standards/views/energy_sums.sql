-- from: energy_use
-- Energy per unit, meter, carrier and period: quantity to be converted by a common coefficient, kgce of rows that brought their
-- own, seconds of the period that were metered. A row that straddles an edge of the period is shared out by time, even pace.
-- Quantities of 10^15 or more are garbled: their time is not metered.
with cut as (
  select
    c.*, p.start as p_start, p."end" as p_end,
    least(c."end", p."end") - greatest(c.start, p.start) as inside, c."end" - c.start as whole
  from energy_use c
  join periods p on c.start < p."end" and c."end" > p.start
  where abs(c.quantity) < 1e15 and coalesce(c.kgce_per_unit, 1.0) * c.quantity < 1e15
),
shared as (
  select *, case when inside = whole then 1.0 else inside * 1.0 / whole end as part from cut
)
select
  unit, meter, carrier, p_start as start, p_end as "end",
  total(case when kgce_per_unit is null then quantity * part else 0 end) as quantity,
  total(case when kgce_per_unit is null then 0 else quantity * kgce_per_unit * part end) as kgce,
  total(inside) / 1000000.0 as metered,
  sum(case when inside < whole then 1 else 0 end) as prorated
from shared
group by unit, meter, carrier, p_start, p_end
