-- from: energy_sums, unit_counts, members
-- Pieces per subject and period: of all its units, and of those that some meter at or above them covers (covered_*). unmetered is the
-- length of the period for each of the others, units their number; good is none where that of a unit is not known.
with covered as (
  select distinct s."of" as subject, a.subject as unit, e.start, e."end"
  from energy_sums e
  join members a on a."of" = e.unit
  join members s on s.subject = e.unit
)
select
  m."of" as subject, c.start, c."end",
  total(c.produced) as produced,
  total(case when v.unit is not null then c.produced end) as covered_produced,
  case when count(c.good) = count(*) then total(c.good) end as good,
  case when sum(case when v.unit is not null and c.good is null then 1 else 0 end) = 0
       then total(case when v.unit is not null then c.good end) end as covered_good,
  total(case when v.unit is null then (c."end" - c.start) / 1000000.0 else 0 end) as unmetered,
  sum(case when v.unit is null then 1 else 0 end) as units,
  concat_ws(
    ',',
    case when sum(c.prorated) > 0 then 'prorated' end,
    case when sum(c.impossible) > 0 then 'impossible_values' end,
    case when sum(case when v.unit is null then 1 else 0 end) > 0 then 'units_without_energy' end
  ) as notes
from members m
join unit_counts c on c.unit = m.subject
left join covered v on v.subject = m."of" and v.unit = c.unit and v.start = c.start and v."end" = c."end"
group by m."of", c.start, c."end"
