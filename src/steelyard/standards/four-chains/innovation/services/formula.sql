-- Firms with a service for innovation on record, of those with any row; who is not on record is unheard.
with firms as (
  select f.park, f.start, f."end", f.firm,
         max(case when v.kind in ('rd_design', 'testing', 'consulting', 'training') then 1.0 when v.kind is not null then 0.0 end) as used
  from park_firms f
  left join services v on v.firm = f.firm and v.since < f."end" and (v.until is null or v.until >= f."end")
  group by f.park, f.start, f."end", f.firm
),
counts as (
  select park, start, "end", sum(used) as used, count(used) as heard, count(*) as among from firms group by park, start, "end"
)
select park as subject, start, "end",
       used / heard as value,
       used / among as low,
       (used + among - heard) / among as high,
       heard, among,
       case when heard < among then 'incomplete' else '' end as flags
from counts
where heard > 0
