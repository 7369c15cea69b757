-- from: unit_states, unit_made, samples, watches, bindings
-- Units from which anything came in a period: samples of their bound devices or of themselves, a session that stood, states or
-- counts. online = 1 where a session stood or a sample came over a connection, which only then has a time of receiving: the machine
-- itself spoke. Samples of a file that somebody handed in show no more than that its data are kept. States that somebody told as
-- time elements, and unknown ones, are none.
with devices as (
  select distinct unit, subject from bindings where subject is not null
),
spoke as (
  select s.subject, p.start, p."end", max(case when s.received is null then 0 else 1 end) as online
  from samples s
  join periods p on s."at" >= p.start and s."at" < p."end"
  group by s.subject, p.start, p."end"
  union
  select w.subject, p.start, p."end", 1 as online
  from watches w
  join periods p on w.start < p."end" and w."end" > p.start
),
heard as (
  select subject as unit, start, "end", online from spoke
  union
  select d.unit, s.start, s."end", s.online from spoke s join devices d on d.subject = s.subject
  union
  select t.unit, p.start, p."end", 0 as online
  from unit_states t
  join periods p on t.start < p."end" and t."end" > p.start
  where t.told = 0 and t.state <> 'unknown'
  union
  select unit, start, "end", 0 as online from unit_made
)
select unit, start, "end", max(online) as online
from heard
group by unit, start, "end"
