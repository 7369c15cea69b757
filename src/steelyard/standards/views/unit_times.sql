-- from: machine_states, shifts
-- Seconds of ISO 22400-2 time elements per unit and period. Every instant counts once: where states overlap, the first of
-- planned_down, delay, setup, waiting, production, unknown counts, so that a stop is never hidden. Time with no state at all
-- is unknown. A unit with shifts is looked at within planned busy time less planned downs; one without, over the period.
with spans as (
  select unit, start, "end", state as what from machine_states
  union all
  select unit, start, "end", kind as what from shifts
),
cut as (
  select s.unit, p.start as p_start, p."end" as p_end, s.what,
         greatest(s.start, p.start) as a, least(s."end", p."end") as b
  from spans s
  join periods p on s.start < p."end" and s."end" > p.start
),
edges as (
  select unit, p_start, p_end, a as t, what, 1 as step from cut
  union all
  select unit, p_start, p_end, b as t, what, -1 as step from cut
  union all
  select distinct unit, p_start, p_end, p_start as t, 'edge' as what, 0 as step from cut
  union all
  select distinct unit, p_start, p_end, p_end as t, 'edge' as what, 0 as step from cut
),
steps as (
  select unit, p_start, p_end, t,
    sum(case when what = 'planned_busy' then step else 0 end) as busy,
    sum(case when what = 'planned_down' then step else 0 end) as down,
    sum(case when what = 'delay' then step else 0 end) as delay,
    sum(case when what = 'setup' then step else 0 end) as setup,
    sum(case when what = 'waiting' then step else 0 end) as waiting,
    sum(case when what = 'production' then step else 0 end) as production
  from edges
  group by unit, p_start, p_end, t
),
running as (
  select unit, p_start, p_end, t,
    lead(t) over (partition by unit, p_start, p_end order by t) - t as lasts,
    sum(busy) over w as busy, sum(down) over w as down, sum(delay) over w as delay,
    sum(setup) over w as setup, sum(waiting) over w as waiting, sum(production) over w as production
  from steps
  window w as (partition by unit, p_start, p_end order by t rows between unbounded preceding and current row)
),
planned_units as (
  select distinct unit from shifts where kind = 'planned_busy'
),
classed as (
  select r.unit, r.p_start, r.p_end, r.lasts / 1000000.0 as seconds, r.production > 0 as produces,
    s.unit is not null as has_shifts,
    r.down = 0 and (r.busy > 0 or s.unit is null) as planned,
    case when r.down > 0 then 'planned_down' when r.delay > 0 then 'delay' when r.setup > 0 then 'setup'
         when r.waiting > 0 then 'waiting' when r.production > 0 then 'production' else 'unknown' end as state
  from running r
  left join planned_units s on s.unit = r.unit
  where r.lasts > 0
)
select
  unit, p_start as start, p_end as "end",
  case when has_shifts then sum(case when planned then seconds else 0 end) end as pbt,
  sum(case when planned and state = 'production' then seconds else 0 end) as apt,
  sum(case when planned and state = 'setup' then seconds else 0 end) as aust,
  sum(case when planned and state = 'delay' then seconds else 0 end) as adet,
  sum(case when planned and state = 'waiting' then seconds else 0 end) as adot,
  sum(case when planned and state = 'unknown' then seconds else 0 end) as unknown,
  sum(case when planned then seconds else 0 end) as among,
  sum(case when not planned and has_shifts and produces then seconds else 0 end) as outside
from classed
group by unit, p_start, p_end, has_shifts
