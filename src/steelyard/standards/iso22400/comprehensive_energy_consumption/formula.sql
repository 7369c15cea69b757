-- Comprehensive energy consumption = E / PQ (ISO 22400-2), kgce a piece. Over the units that some meter at or above them covers;
-- low takes the pieces of the others as made without energy, high like those covered.
with covered as (
  select distinct s."of" as subject, a.subject as unit, e.start, e."end"
  from energy_sums e
  join members a on a."of" = e.unit
  join members s on s.subject = e.unit
),
pieces as (
  select
    m."of" as subject, c.start, c."end",
    total(c.produced) as produced,
    total(case when v.unit is not null then c.produced end) as covered,
    total(case when v.unit is null then (c."end" - c.start) / 1000000.0 else 0 end) as unmetered,
    sum(case when v.unit is null then 1 else 0 end) as units,
    sum(c.prorated) as prorated
  from members m
  join unit_counts c on c.unit = m.subject
  left join covered v on v.subject = m."of" and v.unit = c.unit and v.start = c.start and v."end" = c."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", c.start, c."end"
)
select
  q.subject, q.start, q."end",
  e.value / nullif(q.covered, 0) as value,
  least(e.low / nullif(q.produced, 0), e.value / nullif(q.covered, 0)) as low,
  greatest(e.high / nullif(q.covered, 0), e.value / nullif(q.covered, 0)) as high,
  e.heard, e.among + q.unmetered as among,
  concat_ws(
    ',',
    case when e.heard < e.among - 1e-6 then 'energy_gaps' end,
    case when q.prorated > 0 then 'prorated' end,
    case when q.units > 0 then 'units_without_energy' end
  ) as flags
from pieces q
join energy_consumption e on e.subject = q.subject and e.start = q.start and e."end" = q."end"
