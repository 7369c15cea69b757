-- from: e10_states
-- Seconds of the six states of SEMI E10 per unit and period. Every instant counts once: where states overlap, the first of
-- non_scheduled, unscheduled_down, scheduled_down, engineering, standby, productive counts, so that a stop is never hidden.
-- Time with no state is unknown. Total time is the whole period.
-- Edges, steps and running sums are written out in unit_moments, e10_times and maintenance_times each: one view of all their spans
-- would let every Figure rest on the tables of the others.
with cut as (
  select
    s.unit, p.start as p_start, p."end" as p_end, s.e10_state as what,
    greatest(s.start, p.start) as a, least(s."end", p."end") as b
  from e10_states s
  join periods p on s.start < p."end" and s."end" > p.start
),
edges as (
  select unit, p_start, p_end, a as t, what, 1 as step from cut
  union all
  select unit, p_start, p_end, b as t, what, -1 as step from cut
),
steps as (
  select
    unit, p_start, p_end, t,
    sum(case when what = 'non_scheduled' then step else 0 end) as non_scheduled,
    sum(case when what = 'unscheduled_down' then step else 0 end) as unscheduled_down,
    sum(case when what = 'scheduled_down' then step else 0 end) as scheduled_down,
    sum(case when what = 'engineering' then step else 0 end) as engineering,
    sum(case when what = 'standby' then step else 0 end) as standby,
    sum(case when what = 'productive' then step else 0 end) as productive
  from edges
  group by unit, p_start, p_end, t
),
running as (
  select
    unit, p_start, p_end,
    lead(t) over (partition by unit, p_start, p_end order by t) - t as lasts,
    sum(non_scheduled) over w as non_scheduled, sum(unscheduled_down) over w as unscheduled_down,
    sum(scheduled_down) over w as scheduled_down, sum(engineering) over w as engineering,
    sum(standby) over w as standby, sum(productive) over w as productive
  from steps
  window w as (partition by unit, p_start, p_end order by t rows between unbounded preceding and current row)
),
classed as (
  select
    unit, p_start, p_end, lasts,
    case when non_scheduled > 0 then 'non_scheduled' when unscheduled_down > 0 then 'unscheduled_down'
         when scheduled_down > 0 then 'scheduled_down' when engineering > 0 then 'engineering'
         when standby > 0 then 'standby' when productive > 0 then 'productive' else 'unknown' end as state
  from running
  where lasts > 0
),
sums as (
  select
    unit, p_start, p_end, (p_end - p_start) / 1000000.0 as total,
    sum(case when state = 'productive' then lasts else 0 end) / 1000000.0 as productive,
    sum(case when state = 'standby' then lasts else 0 end) / 1000000.0 as standby,
    sum(case when state = 'engineering' then lasts else 0 end) / 1000000.0 as engineering,
    sum(case when state = 'scheduled_down' then lasts else 0 end) / 1000000.0 as scheduled_down,
    sum(case when state = 'unscheduled_down' then lasts else 0 end) / 1000000.0 as unscheduled_down,
    sum(case when state = 'non_scheduled' then lasts else 0 end) / 1000000.0 as non_scheduled,
    (p_end - p_start - sum(case when state = 'unknown' then 0 else lasts end)) / 1000000.0 as unknown
  from classed
  group by unit, p_start, p_end
)
select
  unit, p_start as start, p_end as "end", total,
  productive, standby, engineering, scheduled_down, unscheduled_down, non_scheduled,
  productive + standby + engineering as uptime,
  unknown
from sums
