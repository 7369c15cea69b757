-- Inventory turns = TH / average inventory (ISO 22400-2), turns within the period. The average of an item is that of opening and
-- closing stock, weighted by time. Time of the period without a balance is taken at the pace of the rest for value and high, as
-- without issues for low. With $stock wip_and_finished throughput is what finished stock issued, inventory all but raw and
-- consumable stock; else it is one kind of stock, or all.
with cut as (
  select
    m."of" as subject, p.start, p."end", t.unit, t.item, t.kind, t.counted_in, t.opening, t.closing,
    case when $stock <> 'wip_and_finished' or t.kind = 'finished' then t.issued else 0 end as issued,
    case when abs(t.opening + t.received - t.issued - t.closing) > 1e-6 * (abs(t.opening) + t.received + t.issued) then 1 else 0 end as open_balance,
    (least(t."end", p."end") - greatest(t.start, p.start)) / 1000000.0 as inside, (t."end" - t.start) / 1000000.0 as whole,
    (p."end" - p.start) / 1000000.0 as among
  from members m
  join inventory t on t.unit = m.subject
  join periods p on t.start < p."end" and t."end" > p.start
  where m.kind in ('unit', 'line', 'site', 'enterprise')
    and ($stock = 'all' or t.kind = $stock or ($stock = 'wip_and_finished' and t.kind in ('wip', 'crib', 'finished')))
),
items as (
  select
    subject, start, "end", unit, item,
    min(counted_in) as least_in, max(counted_in) as most_in,
    total(issued * inside / whole) as issued,
    total((opening + closing) / 2 * inside) / total(inside) as stock,
    total(inside) as heard, max(among) as among,
    sum(case when inside < whole then 1 else 0 end) as prorated, sum(open_balance) as open_balance
  from cut
  group by subject, start, "end", unit, item
),
sums as (
  select
    subject, start, "end",
    case when min(least_in) = max(most_in) then total(stock) end as stock,
    total(issued) as issued, total(issued * among / heard) as paced,
    total(heard) as heard, total(among) as among,
    sum(prorated) as prorated, sum(open_balance) as open_balance
  from items
  group by subject, start, "end"
),
ratios as (
  select *, paced / nullif(stock, 0) as value, issued / nullif(stock, 0) as lowest from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  value as high,
  heard, among,
  concat_ws(
    ',',
    case when heard < among - 1e-6 then 'balance_gaps' end,
    case when open_balance > 0 then 'balance_does_not_close' end,
    case when prorated > 0 then 'prorated' end
  ) as flags
from ratios
where stock > 0
