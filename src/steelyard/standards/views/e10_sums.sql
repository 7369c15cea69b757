-- from: e10_times, members
-- Seconds of the states of SEMI E10 per subject and period: sums over the units below it.
select
  m."of" as subject, t.start, t."end",
  total(t.total) as total, total(t.productive) as productive, total(t.uptime) as uptime,
  total(t.non_scheduled) as non_scheduled, total(t.unknown) as unknown, total(t.total - t.unknown) as heard
from members m
join e10_times t on t.unit = m.subject
group by m."of", t.start, t."end"
