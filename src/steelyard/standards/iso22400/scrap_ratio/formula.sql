-- Scrap ratio = SQ / PQ (ISO 22400-2), in pieces. Over the pieces whose scrap was told; low takes the others as without scrap,
-- high as all scrap.
with sums as (
  select
    m."of" as subject, t.start, t."end",
    total(t.scrap) as scrap,
    total(t.scrap_told) as heard, total(t.produced) as among,
    sum(t.prorated) as prorated
  from members m
  join unit_rejects t on t.unit = m.subject
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", t.start, t."end"
),
ratios as (
  select
    *,
    scrap / nullif(heard, 0) as value,
    scrap / nullif(among, 0) as lowest,
    (scrap + among - heard) / nullif(among, 0) as highest
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
    case when prorated > 0 then 'prorated' end
  ) as flags
from ratios
