-- from: materials
-- Quantities of material balances per unit, unit of measure and period, each with the consumed material of the rows that told
-- it. A row that straddles an edge of the period is shared out by time, even pace; one
-- with a quantity of 10^15 or more is garbled: impossible counts it, and it counts for nothing.
with cut as (
  select
    c.*, p.start as p_start, p."end" as p_end,
    least(c."end", p."end") - greatest(c.start, p.start) as inside, c."end" - c.start as whole,
    case when greatest(c.consumed, c.good, c.integrated_good, abs(c.production_loss), abs(c.storage_transport_loss), abs(c.other_loss)) < 1e15
         then 0 else 1 end as garbled
  from materials c
  join periods p on c.start < p."end" and c."end" > p.start
),
shared as (
  select *, case when garbled = 1 then 0.0 when inside = whole then 1.0 else inside * 1.0 / whole end as part from cut
)
select
  unit, counted_in, p_start as start, p_end as "end",
  total(consumed * part) as consumed,
  total(good * part) as good,
  total(case when good is not null then consumed * part else 0 end) as good_told,
  total(integrated_good * part) as integrated_good,
  total(case when integrated_good is not null then consumed * part else 0 end) as integrated_good_told,
  total(production_loss * part) as production_loss,
  total(case when production_loss is not null then consumed * part else 0 end) as production_loss_told,
  total(storage_transport_loss * part) as storage_transport_loss,
  total(case when storage_transport_loss is not null then consumed * part else 0 end) as storage_transport_loss_told,
  total(other_loss * part) as other_loss,
  total(case when other_loss is not null then consumed * part else 0 end) as other_loss_told,
  sum(case when inside < whole then 1 else 0 end) as prorated, sum(garbled) as impossible
from shared
group by unit, counted_in, p_start, p_end
