-- from: production_counts
-- Pieces per unit and period. A row that straddles an edge of the period is shared out by time (ISO 8601 spans, even pace).
with cut as (
  select c.*, p.start as p_start, p."end" as p_end,
         least(c."end", p."end") - greatest(c.start, p.start) as inside, c."end" - c.start as whole
  from production_counts c
  join periods p on c.start < p."end" and c."end" > p.start
),
shared as (
  select *, case when inside = whole then 1.0 else inside * 1.0 / whole end as part from cut
)
select
  unit, p_start as start, p_end as "end",
  sum(produced * part) as produced,
  case when count(good) = count(*) then sum(good * part) end as good,
  case when count(planned_seconds_per_item) = count(*) then sum(planned_seconds_per_item * produced * part) end as planned_run,
  case when count(planned_seconds_per_item) = count(*) and count(good) = count(*)
       then sum(planned_seconds_per_item * good * part) end as planned_good,
  sum(case when inside < whole then 1 else 0 end) as prorated
from shared
group by unit, p_start, p_end
