-- from: unit_times, members
-- Seconds of ISO 22400-2 time elements per subject and period: sums over the units below it. pbt and planned_* are of the units
-- that have shifts, calendar is the length of the period for each of them; unplanned counts the others.
select
  m."of" as subject, t.start, t."end",
  total(t.apt) as apt, total(t.aust) as aust, total(t.adet) as adet, total(t.adot) as adot,
  total(t.unknown) as unknown, total(t.among - t.unknown) as heard, total(t.among) as among,
  total(t.pbt) as pbt,
  total(case when t.pbt is not null then t.apt end) as planned_apt,
  total(case when t.pbt is not null then t.aust end) as planned_aust,
  total(case when t.pbt is not null then t.adet end) as planned_adet,
  total(case when t.pbt is not null then t.adot end) as planned_adot,
  total(case when t.pbt is not null then t.unknown end) as planned_unknown,
  total(case when t.pbt is not null then t.among - t.unknown end) as planned_heard,
  total(case when t.pbt is not null then (t."end" - t.start) / 1000000.0 end) as calendar,
  total((t."end" - t.start) / 1000000.0) as whole,
  sum(case when t.pbt is null then 1 else 0 end) as unplanned
from members m
join unit_times t on t.unit = m.subject
group by m."of", t.start, t."end"
