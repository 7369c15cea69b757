-- Allocation ratio = sum of AUBT / AOET (ISO 22400-2), over the orders finished in the period: sum over sum. low takes orders
-- whose runs are not known as never busy, high as busy like the others.
with sums as (
  select
    subject, start, "end",
    total(case when whole = 1 then aubt end) / nullif(total(case when whole = 1 then aoet end), 0) as value,
    total(case when whole = 1 then aubt end) / nullif(total(aoet), 0) as lowest,
    sum(whole) as heard, count(*) as among, sum(elsewhere) as elsewhere,
    sum(case when elsewhere = 0 and aubt + att + aqt < aoet - 1 then 1 else 0 end) as unexplained
  from order_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
  group by subject, start, "end"
)
select
  subject, start, "end", value, least(lowest, value) as low, value as high, heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:overlapping_operations' end,
    case when elsewhere > 0 then 'runs_elsewhere' end,
    case when unexplained > 0 then 'order_time_unexplained' end
  ) as flags
from sums
