-- Fall-off ratio = SQ / PQ of the first operation of the order (ISO 22400-2), over the runs that ended in the period. The first
-- operation is the lowest step of the order; its quantity is what a run told, or what the runs of that step produced where all
-- of them are the subject's. low takes runs that told no scrap as none, high as if all of the first quantity fell off there.
with firsts as (
  select "order", min(step) as step from order_runs group by "order"
),
first_runs as (
  select r."order", r.unit, r.produced
  from order_runs r
  join firsts f on f."order" = r."order" and f.step = r.step
),
began as (
  select
    m."of" as subject, f."order", count(*) as own,
    case when count(f.produced) = count(*) then total(f.produced) end as produced
  from members m
  join first_runs f on f.unit = m.subject
  group by m."of", f."order"
),
whole as (
  select "order", count(*) as runs from first_runs group by "order"
),
ended as (
  select
    m."of" as subject, p.start, p."end", r."order",
    total(r.scrap) as scrap,
    sum(case when r.scrap is null then 1 else 0 end) as untold,
    max(r.first_produced) as told
  from members m
  join order_runs r on r.unit = m.subject
  join periods p on r."end" > p.start and r."end" <= p."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", p.start, p."end", r."order"
),
parts as (
  select
    e.*, coalesce(e.told, case when b.own = w.runs then b.produced end) as first_produced
  from ended e
  left join began b on b.subject = e.subject and b."order" = e."order"
  left join whole w on w."order" = e."order"
),
sums as (
  select
    subject, start, "end",
    total(case when untold = 0 and first_produced is not null then scrap end) as heard_scrap,
    total(case when untold = 0 then first_produced end) as heard_first,
    total(case when first_produced is not null then scrap end) as scrap,
    total(case when untold > 0 then first_produced else 0 end) as untold,
    total(first_produced) as first_produced,
    sum(case when untold = 0 and first_produced is not null then 1 else 0 end) as heard, count(*) as among,
    sum(case when first_produced is null then 1 else 0 end) as unfounded
  from parts
  group by subject, start, "end"
),
ratios as (
  select
    *,
    heard_scrap / nullif(heard_first, 0) as value,
    scrap / nullif(first_produced, 0) as lowest,
    (coalesce(scrap, 0) + untold) / nullif(first_produced, 0) as highest
  from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  greatest(highest, value) as high,
  heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:counts' end,
    case when unfounded > 0 then 'first_operation_unknown' end
  ) as flags
from ratios
