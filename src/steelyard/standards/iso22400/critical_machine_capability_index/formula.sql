-- Cmk = min(USL - mean, mean - LSL) / (3 s) (ISO 22400-2); the weakest characteristic of the unit. One limit alone is enough.
with indexed as (
  select
    unit, start, "end", characteristic, lsl, usl, n,
    least(coalesce(usl - mean, mean - lsl), coalesce(mean - lsl, usl - mean)) / nullif(3 * s, 0) as ratio
  from characteristics
  where lsl is not null or usl is not null
),
weakest as (
  select
    *,
    row_number() over (partition by unit, start, "end" order by ratio, characteristic, lsl, usl) as place,
    sum(n) over (partition by unit, start, "end") as among,
    count(*) over (partition by unit, start, "end") as several
  from indexed
  where ratio is not null
)
select
  unit as subject, start, "end",
  ratio as value, ratio as low, ratio as high,
  n as heard, among,
  case when several > 1 then 'weakest_of_several' else '' end as flags
from weakest
where place = 1
