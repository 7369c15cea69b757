-- from: unit_rejects, members
-- Pieces produced, scrapped and to be reworked per subject and period: sums over the units below it. *_told are the pieces of those
-- counts that told them.
select
  m."of" as subject, t.start, t."end", total(t.produced) as produced,
  total(t.scrap) as scrap, total(t.scrap_told) as scrap_told, total(t.rework) as rework, total(t.rework_told) as rework_told,
  concat_ws(
    ',',
    case when sum(t.prorated) > 0 then 'prorated' end,
    case when sum(t.impossible) > 0 then 'impossible_values' end
  ) as notes
from members m
join unit_rejects t on t.unit = m.subject
group by m."of", t.start, t."end"
