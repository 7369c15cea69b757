-- from: unit_made
-- Pieces scrapped and to be reworked per unit, product and period, and the pieces of those counts that told them.
select
  unit, product, start, "end",
  total(produced) as produced,
  total(scrap) as scrap,
  total(case when scrap is not null then produced else 0 end) as scrap_told,
  total(rework) as rework,
  total(case when rework is not null then produced else 0 end) as rework_told,
  sum(prorated) as prorated, sum(impossible) as impossible
from unit_made
group by unit, product, start, "end"
