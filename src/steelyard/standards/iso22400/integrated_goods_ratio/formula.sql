-- Integrated goods ratio = IGQ / CM (ISO 22400-2). Over the consumed material whose integrated good was told; low takes the rest as
-- nothing, high as all of it. Quantities in several units of measure cannot be added: then there is no figure.
with ratios as (
  select
    *,
    integrated_good / nullif(integrated_good_told, 0) as value,
    integrated_good / nullif(consumed, 0) as lowest,
    (integrated_good + consumed - integrated_good_told) / nullif(consumed, 0) as highest
  from balance_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, integrated_good_told as heard, consumed as among,
  concat_ws(',', case when value > 1 + 1e-9 then 'above_one:material_balance' end, notes) as flags
from ratios
