-- Digital is a unit that spoke over a connection in the period, or else what the latest statement says.
-- Over the units of the register that are known; low takes the others as not, high as digital.
with register as (
  select m."of" as subject, p.start, p."end", e.unit
  from members m
  join equipment e on e.unit = m.subject
  join periods p on (e.since is null or e.since < p."end") and (e.until is null or e.until > p.start)
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
said as (
  select t.unit, p.start, p."end", max(t.at) as at
  from equipment_statements t
  join periods p on t.at < p."end"
  where t.digital is not null
  group by t.unit, p.start, p."end"
),
known as (
  select
    r.subject, r.start, r."end", r.unit,
    case when s.online > 0 then 1.0 when t.digital = 'yes' then 1.0 when t.digital = 'no' then 0.0 end as digital
  from register r
  left join unit_signals s on s.unit = r.unit and s.start = r.start and s."end" = r."end"
  left join said d on d.unit = r.unit and d.start = r.start and d."end" = r."end"
  left join equipment_statements t on t.unit = d.unit and t.at = d.at
),
sums as (
  select subject, start, "end", total(digital) as yes, count(digital) as heard, count(*) as among
  from known
  group by subject, start, "end"
)
select
  subject, start, "end",
  yes / nullif(heard, 0) as value,
  least(yes / nullif(among, 0), yes / nullif(heard, 0)) as low,
  greatest((yes + among - heard) / nullif(among, 0), yes / nullif(heard, 0)) as high,
  heard, among,
  case when heard < among then 'units_unknown' else '' end as flags
from sums
