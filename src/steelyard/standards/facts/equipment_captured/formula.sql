-- Units of the register of which the period holds signals, states or counts, over all units of the register.
with register as (
  select m."of" as subject, p.start, p."end", e.unit
  from members m
  join equipment e on e.unit = m.subject
  join periods p on (e.since is null or e.since < p."end") and (e.until is null or e.until > p.start)
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
sums as (
  select
    r.subject, r.start, r."end",
    total(case when s.unit is not null then 1.0 else 0.0 end) as captured, count(*) as among
  from register r
  left join unit_signals s on s.unit = r.unit and s.start = r.start and s."end" = r."end"
  group by r.subject, r.start, r."end"
)
select
  subject, start, "end",
  captured / nullif(among, 0) as value,
  captured / nullif(among, 0) as low,
  captured / nullif(among, 0) as high,
  among as heard, among,
  '' as flags
from sums
