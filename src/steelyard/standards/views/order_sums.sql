-- from: order_times, members
-- Per order finished in a period and subject above who carries it out: its seconds (AOET, ATT, AQT), and those of the subject's own units
-- for it: busy (AUBT) and production (APT, with that of runs that do not tell it). whole = 1 where all units that worked on it
-- are the subject's own, elsewhere = 1 where some are not.
select
  m."of" as subject, t.start, t."end", t."order",
  max(t.aoet) as aoet, max(t.att) as att, max(t.aqt) as aqt,
  total(case when u.subject is not null then t.aubt end) as aubt,
  total(case when u.subject is not null then t.apt end) as apt,
  total(case when u.subject is not null then t.apt_unknown end) as apt_unknown,
  total(case when u.subject is not null then t.untold end) as untold,
  case when count(t.unit) > 0 and count(u.subject) = count(t.unit) then 1 else 0 end as whole,
  case when count(u.subject) < count(t.unit) then 1 else 0 end as elsewhere
from members m
join order_times t on t.owner = m.subject
left join members u on u."of" = m."of" and u.subject = t.unit
group by m."of", t.start, t."end", t."order"
