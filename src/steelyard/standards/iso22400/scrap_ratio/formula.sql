-- Scrap ratio = SQ / PQ (ISO 22400-2), in pieces. Over the pieces whose scrap was told; low takes the others as without scrap,
-- high as all scrap.
with ratios as (
  select
    *,
    scrap / nullif(scrap_told, 0) as value,
    scrap / nullif(produced, 0) as lowest,
    (scrap + produced - scrap_told) / nullif(produced, 0) as highest
  from reject_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, scrap_told as heard, produced as among,
  concat_ws(',', case when value > 1 + 1e-9 then 'above_one:counts' end, notes) as flags
from ratios
