-- Share of firms that have started, over its target, for regions of every height.
select
  c.subject, c.start, c."end",
  c.value / $target as value,
  c.low / $target as low,
  c.high / $target as high,
  c.heard, c.among,
  '' as flags
from coverage_sme2024_level1 c
join periods p on p.start = c.start and p."end" = c."end"
join subjects s on s.id = c.subject
where s.kind = 'region'
