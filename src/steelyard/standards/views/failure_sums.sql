-- from: unit_times, maintenance_times, members
-- Operating time and failures per subject and period: sums over the units below it that keep a log; unlogged counts the others.
-- Operating is APT + AUST, with that outside the plan; paced takes the unknown time at the pace of the rest, and heard_* are of the
-- units of which such a pace is known.
with parts as (
  select
    m."of" as subject, t.start, t."end",
    t.apt + t.aust + t.outside as operating, t.unknown, t.among,
    case when t.among > t.unknown then (t.apt + t.aust) * t.among / (t.among - t.unknown) + t.outside
         when t.among = 0 then t.outside end as paced,
    x.failures, case when x.unit is null then 0 else 1 end as logged
  from members m
  join unit_times t on t.unit = m.subject
  join periods p on p.start = t.start and p."end" = t."end"
  left join maintenance_times x on x.unit = t.unit and x.start = t.start and x."end" = t."end"
)
select
  subject, start, "end",
  total(case when logged = 1 then paced end) as paced,
  sum(case when paced is not null then failures end) as heard_failures,
  sum(case when paced is not null then logged end) as heard_units,
  total(case when logged = 1 then operating end) as operating,
  total(case when logged = 1 then operating + unknown end) as possible,
  sum(failures) as failures, sum(logged) as units,
  total(case when logged = 1 then among - unknown end) as heard, total(among) as among,
  sum(1 - logged) as unlogged
from parts
group by subject, start, "end"
