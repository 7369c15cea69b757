-- Rework ratio = RQ / PQ (ISO 22400-2), in pieces. Over the pieces whose rework was told; low takes the others as without rework,
-- high as all rework.
with ratios as (
  select
    *,
    rework / nullif(rework_told, 0) as value,
    rework / nullif(produced, 0) as lowest,
    (rework + produced - rework_told) / nullif(produced, 0) as highest
  from reject_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, rework_told as heard, produced as among,
  concat_ws(',', case when value > 1 + 1e-9 then 'above_one:counts' end, notes) as flags
from ratios
