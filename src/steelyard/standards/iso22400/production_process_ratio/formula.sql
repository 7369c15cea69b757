-- Production process ratio = sum of APT / AOET (ISO 22400-2), over the orders finished in the period: sum over sum. low takes
-- runs that did not tell their production time as none, high as production from start to end.
with sums as (
  select
    subject, start, "end",
    total(case when whole = 1 and untold = 0 then apt end) / nullif(total(case when whole = 1 and untold = 0 then aoet end), 0) as value,
    total(apt) / nullif(total(aoet), 0) as lowest,
    (total(apt) + total(apt_unknown)) / nullif(total(aoet), 0) as highest,
    sum(case when whole = 1 and untold = 0 then 1 else 0 end) as heard, count(*) as among, sum(elsewhere) as elsewhere
  from order_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
  group by subject, start, "end"
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:overlapping_operations' end,
    case when elsewhere > 0 then 'runs_elsewhere' end
  ) as flags
from sums
