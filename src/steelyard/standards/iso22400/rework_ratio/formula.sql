-- Rework ratio = RQ / PQ (ISO 22400-2), in pieces. Over the pieces whose rework was told; low takes the others as without rework,
-- high as all rework.
with sums as (
  select
    m."of" as subject, t.start, t."end",
    total(t.rework) as rework,
    total(t.rework_told) as heard, total(t.produced) as among,
    sum(t.prorated) as prorated
  from members m
  join unit_rejects t on t.unit = m.subject
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", t.start, t."end"
),
ratios as (
  select
    *,
    rework / nullif(heard, 0) as value,
    rework / nullif(among, 0) as lowest,
    (rework + among - heard) / nullif(among, 0) as highest
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
