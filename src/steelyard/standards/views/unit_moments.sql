-- from: unit_states, shifts
-- Every instant of a period once, per unit: spans [at, until) with the one state that counts. Where states overlap, the first of
-- planned_down, delay, setup, waiting, production, unknown counts, so that a stop is never hidden; within the span of time
-- elements that were handed in only those count. Time with no state at all is unknown. planned = 1 within planned busy time less
-- planned downs, or, for a unit without shifts, within the period less planned downs.
-- Edges, steps and running sums are written out in unit_moments, e10_times and maintenance_times each: one view of all their spans
-- would let every Figure rest on the tables of the others.
with spans as (
  select unit, start, "end", case when told = 1 then 'told_' || state else state end as what from unit_states
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
    sum(case when what = 'production' then step else 0 end) as production,
    sum(case when what = 'told_unknown' then step else 0 end) as told,
    sum(case when what = 'told_delay' then step else 0 end) as told_delay,
    sum(case when what = 'told_setup' then step else 0 end) as told_setup,
    sum(case when what = 'told_waiting' then step else 0 end) as told_waiting,
    sum(case when what = 'told_production' then step else 0 end) as told_production
  from edges
  group by unit, p_start, p_end, t
),
running as (
  select unit, p_start, p_end, t,
    lead(t) over (partition by unit, p_start, p_end order by t) as until,
    sum(busy) over w as busy, sum(down) over w as down, sum(delay) over w as delay,
    sum(setup) over w as setup, sum(waiting) over w as waiting, sum(production) over w as production,
    sum(told) over w as told, sum(told_delay) over w as told_delay, sum(told_setup) over w as told_setup,
    sum(told_waiting) over w as told_waiting, sum(told_production) over w as told_production
  from steps
  window w as (partition by unit, p_start, p_end order by t rows between unbounded preceding and current row)
),
planned_units as (
  select distinct unit from shifts where kind = 'planned_busy'
)
select
  r.unit, r.p_start as start, r.p_end as "end", r.t as "at", r.until,
  case when s.unit is not null then 1 else 0 end as has_shifts,
  case when r.down = 0 and (r.busy > 0 or s.unit is null) then 1 else 0 end as planned,
  case when r.told > 0 and r.told_production > 0 or r.told = 0 and r.production > 0 then 1 else 0 end as produces,
  case when r.down > 0 then 'planned_down'
       when r.told > 0 then case when r.told_delay > 0 then 'delay' when r.told_setup > 0 then 'setup'
            when r.told_waiting > 0 then 'waiting' when r.told_production > 0 then 'production' else 'unknown' end
       when r.delay > 0 then 'delay' when r.setup > 0 then 'setup' when r.waiting > 0 then 'waiting'
       when r.production > 0 then 'production' else 'unknown' end as state
from running r
left join planned_units s on s.unit = r.unit
where r.until > r.t
