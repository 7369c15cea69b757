-- from: material_sums, members
-- Material balances per subject and period: sums over the units below it. *_told is the consumed material of the rows that told that
-- quantity. Quantities in several units of measure cannot be added: then there is none.
select
  m."of" as subject, t.start, t."end", total(t.consumed) as consumed,
  case when min(t.counted_in) = max(t.counted_in) then total(t.good) end as good,
  total(t.good_told) as good_told,
  case when min(t.counted_in) = max(t.counted_in) then total(t.integrated_good) end as integrated_good,
  total(t.integrated_good_told) as integrated_good_told,
  case when min(t.counted_in) = max(t.counted_in) then total(t.production_loss) end as production_loss,
  total(t.production_loss_told) as production_loss_told,
  case when min(t.counted_in) = max(t.counted_in) then total(t.storage_transport_loss) end as storage_transport_loss,
  total(t.storage_transport_loss_told) as storage_transport_loss_told,
  case when min(t.counted_in) = max(t.counted_in) then total(t.other_loss) end as other_loss,
  total(t.other_loss_told) as other_loss_told,
  concat_ws(
    ',',
    case when sum(t.prorated) > 0 then 'prorated' end,
    case when sum(t.impossible) > 0 then 'impossible_values' end
  ) as notes
from members m
join material_sums t on t.unit = m.subject
group by m."of", t.start, t."end"
