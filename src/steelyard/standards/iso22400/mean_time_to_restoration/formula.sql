-- MTTR = sum of TTR / (FE + 1), or / FE (ISO 22400-2; IEC 60050-191), in hours, over the failures restored in the period. A unit
-- without any has no time to restoration and does not enter, not even as + 1.
with parts as (
  select
    m."of" as subject, t.start, t."end", t.restored, t.restoring, t.unrestored,
    case when t.restored = 0 then 0 when $divisor = 'failures' then t.restored else t.restored + 1 end as divisor
  from members m
  join maintenance_times t on t.unit = m.subject
  join periods p on p.start = t.start and p."end" = t."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
sums as (
  select
    subject, start, "end",
    total(restoring) / nullif(sum(divisor), 0) / 3600.0 as value,
    sum(restored) as heard, sum(restored + unrestored) as among, sum(unrestored) as unrestored
  from parts
  group by subject, start, "end"
)
select
  subject, start, "end",
  value, value as low, value as high,
  heard, among,
  case when unrestored > 0 then 'not_yet_restored' else '' end as flags
from sums
