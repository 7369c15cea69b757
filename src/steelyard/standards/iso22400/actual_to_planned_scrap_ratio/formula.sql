-- Actual to planned scrap ratio = SQ / PSQ (ISO 22400-2), per unit and product, summed. Over the products that have a plan and
-- told all their scrap; low takes planned products without a count as no scrap, high is value.
with planned as (
  select
    q.unit, q.product, p.start, p."end",
    total(q.planned_scrap * (least(q."end", p."end") - greatest(q.start, p.start)) * 1.0 / (q."end" - q.start)) as planned_scrap,
    sum(case when least(q."end", p."end") - greatest(q.start, p.start) < q."end" - q.start then 1 else 0 end) as prorated
  from planned_quantities q
  join periods p on q.start < p."end" and q."end" > p.start
  where q.planned_scrap is not null
  group by q.unit, q.product, p.start, p."end"
),
parts as (
  select
    m."of" as subject, q.start, q."end", q.planned_scrap, r.scrap, q.prorated + coalesce(r.prorated, 0) as prorated,
    case when r.scrap is not null and r.scrap_told >= r.produced - 1e-9 then 1 else 0 end as told
  from members m
  join planned q on q.unit = m.subject
  left join unit_rejects r on r.unit = q.unit and r.product = q.product and r.start = q.start and r."end" = q."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
sums as (
  select
    subject, start, "end",
    total(case when told = 1 then scrap end) as scrap,
    total(case when told = 1 then planned_scrap end) as heard_planned,
    total(planned_scrap) as planned_scrap,
    sum(told) as heard, count(*) as among,
    sum(prorated) as prorated
  from parts
  group by subject, start, "end"
),
ratios as (
  select *, scrap / nullif(heard_planned, 0) as value, scrap / nullif(planned_scrap, 0) as lowest from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  value as high,
  heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:more_scrap_than_planned' end,
    case when prorated > 0 then 'prorated' end
  ) as flags
from ratios
