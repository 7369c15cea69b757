-- Comprehensive energy consumption = E / PQ (ISO 22400-2), kgce a piece. Over the units that some meter at or above them covers;
-- low takes the pieces of the others as made without energy, high like those covered.
select
  q.subject, q.start, q."end",
  e.value / nullif(q.covered_produced, 0) as value,
  least(e.low / nullif(q.produced, 0), e.value / nullif(q.covered_produced, 0)) as low,
  greatest(e.high / nullif(q.covered_produced, 0), e.value / nullif(q.covered_produced, 0)) as high,
  e.heard, e.among + q.unmetered as among,
  concat_ws(',', case when e.heard < e.among - 1e-6 then 'energy_gaps' end, q.notes) as flags
from covered_counts q
join energy_consumption e on e.subject = q.subject and e.start = q.start and e."end" = q."end"
where q.subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
