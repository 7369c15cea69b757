-- MTBF = sum of TBF / (FE + 1), or / FE (ISO 22400-2; IEC 60050-191), in hours. The operating times between failures in a period
-- add up to its operating time (APT + AUST, no delay). low takes unknown time as not operating, high as operating.
with means as (
  select
    *,
    paced / nullif(heard_failures + case when $divisor = 'failures' then 0 else heard_units end, 0) / 3600.0 as value,
    operating / nullif(failures + case when $divisor = 'failures' then 0 else units end, 0) / 3600.0 as lowest,
    possible / nullif(failures + case when $divisor = 'failures' then 0 else units end, 0) / 3600.0 as highest
  from failure_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, heard, among,
  concat_ws(',', case when failures = 0 then 'no_failures' end, case when unlogged > 0 then 'units_without_log' end) as flags
from means
