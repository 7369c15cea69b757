-- Storage and transportation loss ratio = STL / CM (ISO 22400-2). Over the consumed material whose storage transport loss was told; low takes the rest as
-- nothing, high as all of it. Quantities in several units of measure cannot be added: then there is no figure.
with sums as (
  select
    m."of" as subject, t.start, t."end",
    case when min(t.counted_in) = max(t.counted_in) then total(t.storage_transport_loss) end as part,
    total(t.storage_transport_loss_told) as heard, total(t.consumed) as among,
    sum(t.prorated) as prorated
  from members m
  join material_sums t on t.unit = m.subject
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", t.start, t."end"
),
ratios as (
  select
    *,
    part / nullif(heard, 0) as value,
    part / nullif(among, 0) as lowest,
    (part + among - heard) / nullif(among, 0) as highest
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
    case when value > 1 + 1e-9 then 'above_one:material_balance' end,
    case when prorated > 0 then 'prorated' end
  ) as flags
from ratios
