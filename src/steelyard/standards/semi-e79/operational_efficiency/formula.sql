-- Operational efficiency = production time / uptime (SEMI E79). low takes unknown time as the worst
-- that it could have been for the ratio, high as the best.
with sums as (
  select
    m."of" as subject, t.start, t."end",
    total(t.total) as total, total(t.productive) as productive, total(t.uptime) as uptime,
    total(t.non_scheduled) as non_scheduled, total(t.unknown) as unknown
  from members m
  join e10_times t on t.unit = m.subject
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", t.start, t."end"
),
ratios as (
  select
    *,
    productive / nullif(uptime, 0) as value,
    productive / nullif(uptime + unknown, 0) as lowest,
    (productive + unknown) / nullif(uptime + unknown, 0) as highest
  from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  greatest(highest, value) as high,
  total - unknown as heard, total as among,
  '' as flags
from ratios
