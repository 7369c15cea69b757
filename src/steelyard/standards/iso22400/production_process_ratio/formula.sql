-- Production process ratio = sum of APT / AOET (ISO 22400-2), over the orders finished in the period: sum over sum. low takes
-- runs that did not tell their production time as none, high as production from start to end.
with parts as (
  select
    m."of" as subject, t.start, t."end", t."order",
    max(t.aoet) as aoet, max(t.produced) as produced, max(t.att) as att, max(t.aqt) as aqt,
    total(case when u.subject is not null then t.aubt end) as aubt,
    total(case when u.subject is not null then t.apt end) as apt,
    total(case when u.subject is not null then t.apt_unknown end) as apt_unknown,
    total(case when u.subject is not null then t.untold end) as untold,
    count(t.unit) as units, count(u.subject) as own
  from members m
  join order_times t on t.owner = m.subject
  left join members u on u."of" = m."of" and u.subject = t.unit
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", t.start, t."end", t."order"
),
sums as (
  select
    subject, start, "end",
    total(case when units > 0 and own = units and untold = 0 then apt end) as producing,
    total(case when units > 0 and own = units and untold = 0 then aoet end) as heard_aoet,
    total(apt) as apt, total(apt_unknown) as apt_unknown, total(aoet) as aoet,
    sum(case when units > 0 and own = units and untold = 0 then 1 else 0 end) as heard, count(*) as among,
    sum(case when own < units then 1 else 0 end) as elsewhere
  from parts
  group by subject, start, "end"
),
ratios as (
  select
    *,
    producing / nullif(heard_aoet, 0) as value,
    apt / nullif(aoet, 0) as lowest,
    (apt + apt_unknown) / nullif(aoet, 0) as highest
  from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  greatest(highest, value) as high,
  heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:overlapping_operations' end,
    case when elsewhere > 0 then 'runs_elsewhere' end
  ) as flags
from ratios
