-- from: maintenance_events
-- Per unit that keeps a log (any row up to the end of the period) and period: failures that began in it, failures restored in
-- it with the seconds they took, failures still open at its end; seconds of corrective and of preventive maintenance in it,
-- every instant once, corrective first; seconds since the start of events without an end, which may or may not have lasted.
-- Edges, steps and running sums are written out in unit_moments, e10_times and maintenance_times each: one view of all their spans
-- would let every Figure rest on the tables of the others.
with known as (
  select
    e.unit, e.kind, e.start as a, e."end" as b, p.start as p_start, p."end" as p_end,
    case when coalesce(e.failure, case when e.kind = 'corrective' then 'yes' else 'no' end) = 'yes' then 1 else 0 end as failure
  from maintenance_events e
  join periods p on e.start < p."end"
),
counts as (
  select
    unit, p_start, p_end,
    sum(case when a >= p_start then failure else 0 end) as failures,
    sum(case when b > p_start and b <= p_end then failure else 0 end) as restored,
    sum(case when b > p_start and b <= p_end and failure = 1 then b - a else 0 end) / 1000000.0 as restoring,
    sum(case when b is null or b > p_end then failure else 0 end) as unrestored,
    sum(case when b is null and kind = 'corrective' then p_end - greatest(a, p_start) else 0 end) / 1000000.0 as open_corrective,
    sum(case when b is null and kind = 'preventive' then p_end - greatest(a, p_start) else 0 end) / 1000000.0 as open_preventive
  from known
  group by unit, p_start, p_end
),
cut as (
  select unit, kind, p_start, p_end, greatest(a, p_start) as a, least(b, p_end) as b
  from known
  where b > p_start and b > a
),
edges as (
  select unit, p_start, p_end, a as t, kind, 1 as step from cut
  union all
  select unit, p_start, p_end, b as t, kind, -1 as step from cut
),
steps as (
  select
    unit, p_start, p_end, t,
    sum(case when kind = 'corrective' then step else 0 end) as corrective,
    sum(case when kind = 'preventive' then step else 0 end) as preventive
  from edges
  group by unit, p_start, p_end, t
),
running as (
  select
    unit, p_start, p_end,
    lead(t) over (partition by unit, p_start, p_end order by t) - t as lasts,
    sum(corrective) over w as corrective, sum(preventive) over w as preventive
  from steps
  window w as (partition by unit, p_start, p_end order by t rows between unbounded preceding and current row)
),
times as (
  select
    unit, p_start, p_end,
    sum(case when corrective > 0 then lasts else 0 end) / 1000000.0 as corrective,
    sum(case when corrective = 0 and preventive > 0 then lasts else 0 end) / 1000000.0 as preventive
  from running
  where lasts > 0
  group by unit, p_start, p_end
)
select
  c.unit, c.p_start as start, c.p_end as "end", c.failures, c.restored, c.restoring, c.unrestored,
  coalesce(t.corrective, 0) as corrective, coalesce(t.preventive, 0) as preventive, c.open_corrective, c.open_preventive
from counts c
left join times t on t.unit = c.unit and t.p_start = c.p_start and t.p_end = c.p_end
