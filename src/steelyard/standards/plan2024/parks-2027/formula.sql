-- Parks counted over the national target.
select
  c.subject, c.start, c."end",
  c.value / $target as value,
  c.low / $target as low,
  c.high / $target as high,
  c.heard, c.among,
  case when list_contains(c.flags, 'firm_in_two_parks') then 'firm_in_two_parks' else '' end as flags
from park_2025_parks c
join periods p on p.start = c.start and p."end" = c."end"
