-- Coverage over its target, for parks and for regions below the nation.
select
  c.subject, c.start, c."end",
  c.value / $target as value,
  c.low / $target as low,
  c.high / $target as high,
  c.heard, c.among,
  '' as flags
from coverage_sme2024_level2 c
join periods p on p.start = c.start and p."end" = c."end"
join subjects s on s.id = c.subject
where s.kind = 'park' or (s.kind = 'region' and coalesce(s.gbt2260, '') <> '100000')
