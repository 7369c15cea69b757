-- from: unit_made
-- Pieces per unit and period, and the planned seconds of all and of the good ones; none where that of some pieces is not known.
select
  unit, start, "end",
  total(produced) as produced,
  case when count(good) = count(*) then total(good) end as good,
  case when max(unplanned) = 0 then total(coalesce(planned_seconds_per_item * produced, 0.0)) end as planned_run,
  case when max(unplanned) = 0 and count(good) = count(*) then total(coalesce(planned_seconds_per_item * good, 0.0)) end as planned_good,
  sum(prorated) as prorated, sum(impossible) as impossible, sum(resets) as resets,
  total(scrap) as scrap, total(rework) as rework
from (
  select *, case when planned_seconds_per_item is null and (produced > 0 or good > 0) then 1 else 0 end as unplanned from unit_made
) as m
group by unit, start, "end"
