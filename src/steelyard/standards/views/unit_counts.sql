-- from: unit_made
-- Pieces per unit and period, and the planned seconds of all and of the good ones.
select
  unit, start, "end",
  total(produced) as produced,
  case when count(good) = count(*) then total(good) end as good,
  case when count(planned_seconds_per_item) = count(*) then total(planned_seconds_per_item * produced) end as planned_run,
  case when count(planned_seconds_per_item) = count(*) and count(good) = count(*)
       then total(planned_seconds_per_item * good) end as planned_good,
  sum(prorated) as prorated,
  total(scrap) as scrap, total(rework) as rework
from unit_made
group by unit, start, "end"
