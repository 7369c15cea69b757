-- from: unit_moments, unit_states, unit_counts
-- Where the planned time of a unit went in a period: every instant of it named once, by category and reason. setup, stops (delay),
-- waiting and unknown by the reason of the state that counted then: of several spans of that state the one that began first,
-- then the first by its text; '' where none was told. Production time is what its pieces should have taken (productive for good
-- ones, quality for the others) and speed, the rest: negative where pieces came faster than planned; uncounted without counts.
-- The seconds of a unit add up to its planned time (PBT). Units without shifts have none.
with moments as (
  select unit, start, "end", "at", until, state
  from unit_moments
  where planned = 1 and has_shifts = 1
),
covers as (
  select
    m.unit, m.start, m."end", m."at", m.until, m.state, s.reason,
    row_number() over (partition by m.unit, m.start, m."end", m."at" order by s.told desc, s.start, s.reason) as place
  from moments m
  left join (
    select u.unit, p.start as p_start, p."end" as p_end, u.start, u."end", u.state, u.reason, u.told
    from unit_states u
    join periods p on u.start < p."end" and u."end" > p.start
  ) as s on s.unit = m.unit and s.p_start = m.start and s.p_end = m."end" and s.state = m.state and s.start <= m."at" and s."end" >= m.until
  where m.state <> 'production'
),
apt as (
  select unit, start, "end", sum(until - "at") / 1000000.0 as seconds
  from moments
  where state = 'production'
  group by unit, start, "end"
),
busy as (
  select
    coalesce(a.unit, c.unit) as unit, coalesce(a.start, c.start) as start, coalesce(a."end", c."end") as "end",
    coalesce(a.seconds, 0.0) as apt, c.planned_run, c.planned_good
  from apt a
  full join (
    select k.* from unit_counts k
    join (select distinct unit, start, "end" from moments) as m on m.unit = k.unit and m.start = k.start and m."end" = k."end"
  ) as c on c.unit = a.unit and c.start = a.start and c."end" = a."end"
)
select
  unit, start, "end", case state when 'delay' then 'stops' else state end as category, coalesce(reason, '') as reason,
  sum(until - "at") / 1000000.0 as seconds
from covers
where place = 1
group by unit, start, "end", state, coalesce(reason, '')
union all
select unit, start, "end", 'uncounted' as category, '' as reason, apt as seconds from busy where planned_good is null
union all
select unit, start, "end", 'speed' as category, '' as reason, apt - planned_run as seconds from busy where planned_good is not null
union all
select unit, start, "end", 'quality' as category, '' as reason, planned_run - planned_good as seconds from busy where planned_good is not null
union all
select unit, start, "end", 'productive' as category, '' as reason, planned_good as seconds from busy where planned_good is not null
