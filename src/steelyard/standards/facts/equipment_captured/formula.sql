-- Units of the register of which the period holds signals, states or counts, over all units of the register.
with sums as (
  select r.subject, r.start, r."end", count(s.unit) * 1.0 / count(*) as share, count(*) as units
  from register r
  left join unit_signals s on s.unit = r.unit and s.start = r.start and s."end" = r."end"
  where r.subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
  group by r.subject, r.start, r."end"
)
select subject, start, "end", share as value, share as low, share as high, units as heard, units as among, '' as flags
from sums
