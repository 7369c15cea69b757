-- Set-up ratio = AUST / AUPT, AUPT = APT + AUST (ISO 22400-2). Less is better. Needs no shifts.
-- low takes unknown time as production, high as set-up.
with sums as (
  select
    m."of" as subject, t.start, t."end",
    total(t.apt) as apt,
    total(t.aust) as aust,
    total(t.unknown) as unknown,
    total(t.among - t.unknown) as heard, total(t.among) as among
  from members m
  join unit_times t on t.unit = m.subject
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", t.start, t."end"
),
ratios as (
  select
    *,
    aust / nullif(apt + aust, 0) as value,
    aust / nullif(apt + aust + unknown, 0) as lowest,
    (aust + unknown) / nullif(apt + aust + unknown, 0) as highest
  from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  greatest(highest, value) as high,
  heard, among,
  '' as flags
from ratios
