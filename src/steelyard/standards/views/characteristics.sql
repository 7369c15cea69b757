-- from: measurements
-- Per unit, period, characteristic and pair of limits: count, mean and standard deviation (n - 1) of all values; and from rational
-- subgroups of at least two values the mean of their means and the estimated deviation: the mean of s / c4(n) over the
-- subgroups, c4 being the factor of the subgroup's size that makes s unbiased for normal values (table of factors in
-- ISO 7870-2:2013; exact to n = 25, 4(n - 1) / (4n - 3) beyond). Deviations are taken as parts of the spread, so that the sum of
-- their squares is as exact for small numbers as for large ones. Values of 10^15 or more are garbled and passed over.
with c4 as (
  select 2 as n, 0.797884560803 as c4 union all
  select 3, 0.886226925453 union all
  select 4, 0.921317731924 union all
  select 5, 0.939985602987 union all
  select 6, 0.951532861948 union all
  select 7, 0.959368788700 union all
  select 8, 0.965030456147 union all
  select 9, 0.969310699714 union all
  select 10, 0.972659274122 union all
  select 11, 0.975350077145 union all
  select 12, 0.977559351855 union all
  select 13, 0.979405604314 union all
  select 14, 0.980971436756 union all
  select 15, 0.982316177163 union all
  select 16, 0.983483531616 union all
  select 17, 0.984506405472 union all
  select 18, 0.985410043808 union all
  select 19, 0.986214136860 union all
  select 20, 0.986934267525 union all
  select 21, 0.987582928826 union all
  select 22, 0.988170253316 union all
  select 23, 0.988704545234 union all
  select 24, 0.989192674959 union all
  select 25, 0.989640375586
),
cut as (
  select x.unit, p.start, p."end", x.characteristic, x.lsl, x.usl, x.subgroup, x.value
  from measurements x
  join periods p on x."at" >= p.start and x."at" < p."end"
  where abs(x.value) < 1e15
),
means as (
  select
    unit, start, "end", characteristic, lsl, usl,
    count(*) as n, total(value) / count(*) as mean, max(value) - min(value) as spread
  from cut
  group by unit, start, "end", characteristic, lsl, usl
),
overall as (
  select
    m.unit, m.start, m."end", m.characteristic, m.lsl, m.usl, m.n, m.mean,
    m.spread * sqrt(total((c.value - m.mean) / nullif(m.spread, 0) * (c.value - m.mean) / nullif(m.spread, 0)) / nullif(m.n - 1, 0)) as s
  from means m
  join cut c
    on c.unit = m.unit and c.start = m.start and c."end" = m."end" and c.characteristic = m.characteristic
    and c.lsl is not distinct from m.lsl and c.usl is not distinct from m.usl
  group by m.unit, m.start, m."end", m.characteristic, m.lsl, m.usl, m.n, m.mean, m.spread
),
group_means as (
  select
    unit, start, "end", characteristic, lsl, usl, subgroup,
    count(*) as n, total(value) / count(*) as mean, max(value) - min(value) as spread
  from cut
  where subgroup is not null
  group by unit, start, "end", characteristic, lsl, usl, subgroup
  having count(*) >= 2
),
subgroups as (
  select
    m.unit, m.start, m."end", m.characteristic, m.lsl, m.usl, m.subgroup, m.n, m.mean,
    coalesce(m.spread * sqrt(total((c.value - m.mean) / nullif(m.spread, 0) * (c.value - m.mean) / nullif(m.spread, 0)) / (m.n - 1)), 0) as s
  from group_means m
  join cut c
    on c.unit = m.unit and c.start = m.start and c."end" = m."end" and c.characteristic = m.characteristic
    and c.subgroup = m.subgroup and c.lsl is not distinct from m.lsl and c.usl is not distinct from m.usl
  group by m.unit, m.start, m."end", m.characteristic, m.lsl, m.usl, m.subgroup, m.n, m.mean, m.spread
),
within as (
  select
    g.unit, g.start, g."end", g.characteristic, g.lsl, g.usl,
    sum(g.n) as grouped, total(g.mean) / count(*) as mean,
    total(g.s / coalesce(c.c4, 4.0 * (g.n - 1) / (4.0 * g.n - 3))) / count(*) as sigma
  from subgroups g
  left join c4 c on c.n = g.n
  group by g.unit, g.start, g."end", g.characteristic, g.lsl, g.usl
)
select
  o.unit, o.start, o."end", o.characteristic, o.lsl, o.usl, o.n, o.mean, o.s,
  w.grouped, w.mean as mean_of_means, w.sigma
from overall o
left join within w
  on w.unit = o.unit and w.start = o.start and w."end" = o."end" and w.characteristic = o.characteristic
  and w.lsl is not distinct from o.lsl and w.usl is not distinct from o.usl
