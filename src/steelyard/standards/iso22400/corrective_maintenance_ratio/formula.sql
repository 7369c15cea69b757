-- Corrective maintenance ratio = CMT / (CMT + PMT) (ISO 22400-2). Each instant of a unit counts once, corrective first. Events
-- without an end are not heard: low takes open preventive ones as lasting still and corrective ones as ended, high the reverse.
with sums as (
  select
    m."of" as subject, t.start, t."end",
    total(t.corrective) as corrective, total(t.preventive) as preventive,
    total(t.open_corrective) as open_corrective, total(t.open_preventive) as open_preventive
  from members m
  join maintenance_times t on t.unit = m.subject
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", t.start, t."end"
),
ratios as (
  select
    *,
    corrective / nullif(corrective + preventive, 0) as value,
    corrective / nullif(corrective + preventive + open_preventive, 0) as lowest,
    (corrective + open_corrective) / nullif(corrective + open_corrective + preventive, 0) as highest
  from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  greatest(highest, value) as high,
  corrective + preventive as heard,
  corrective + preventive + open_corrective + open_preventive as among,
  case when open_corrective + open_preventive > 0 then 'events_without_end' else '' end as flags
from ratios
