-- from: characteristics
-- Indices of capability per unit and period: of each index the weakest characteristic, and how many there were. A two-sided index needs both
-- limits, a critical one at least one. n counts the values of all of them, heard those of the weakest that it rests on.
with indexed as (
  select 'cm' as "index", unit, start, "end", characteristic, lsl, usl, n, n as heard, (usl - lsl) / nullif(6 * s, 0) as ratio
  from characteristics
  where usl > lsl
  union all
  select
    'cmk', unit, start, "end", characteristic, lsl, usl, n, n,
    least(coalesce(usl - mean, mean - lsl), coalesce(mean - lsl, usl - mean)) / nullif(3 * s, 0)
  from characteristics
  union all
  select 'cp', unit, start, "end", characteristic, lsl, usl, n, grouped, (usl - lsl) / nullif(6 * sigma, 0)
  from characteristics
  where usl > lsl
  union all
  select
    'cpk', unit, start, "end", characteristic, lsl, usl, n, grouped,
    least(coalesce(usl - mean_of_means, mean_of_means - lsl), coalesce(mean_of_means - lsl, usl - mean_of_means)) / nullif(3 * sigma, 0)
  from characteristics
),
placed as (
  select
    *,
    row_number() over (partition by "index", unit, start, "end" order by ratio, characteristic, lsl, usl) as place,
    sum(n) over (partition by "index", unit, start, "end") as among,
    count(*) over (partition by "index", unit, start, "end") as several
  from indexed
  where ratio is not null
)
select
  "index", unit as subject, start, "end", ratio as value, heard, among,
  case when several > 1 then 'weakest_of_several' else '' end as flags
from placed
where place = 1
