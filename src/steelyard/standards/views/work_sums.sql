-- from: unit_times, unit_counts, members
-- What the editions of OEE are made of, per subject and period: sums over the units below it. run_* are over the units whose
-- planned run time is known, good_* over those with shifts whose planned time of good pieces is known too: only their time is heard, so
-- that a unit of which nothing can be said lowers no ratio. pbt, running, processing, possible, calendar are of all units with
-- shifts; outside is production outside the plan. hints are what can lift a ratio above one beside a planned time that is too long
-- (above_one:planned_cycle, where the planned time of the pieces is more than all of that time): production outside the plan,
-- pieces that were counted while nobody saw the state, counters that began anew. notes are the flags that any of these carries.
with parts as (
  select
    m."of" as subject, t.start, t."end", t.pbt, t.apt, t.aust, t.adot, t.unknown, t.among, t.outside,
    case when t.pbt is not null then 1 else 0 end as planned,
    c.planned_run, c.prorated, c.impossible, c.resets,
    case when t.pbt is not null then c.planned_good end as planned_good,
    case when c.unit is null then 1 else 0 end as uncounted,
    case when c.unit is not null and c.planned_good is null then 1 else 0 end as unvalued
  from members m
  join unit_times t on t.unit = m.subject
  left join unit_counts c on c.unit = t.unit and c.start = t.start and c."end" = t."end"
)
select
  subject, start, "end",
  total(pbt) as pbt, total(among) as among,
  total(case when planned = 1 then apt + unknown end) as running,
  total(case when planned = 1 then apt + aust + unknown end) as processing,
  total(case when planned = 1 then apt + adot + unknown end) as possible,
  total(case when planned = 1 then ("end" - start) / 1000000.0 end) as calendar,
  total(planned_run) as run,
  total(case when planned_run is not null then among - unknown end) as run_heard,
  total(case when planned_run is not null then apt end) as run_apt,
  total(case when planned_run is not null then unknown end) as run_unknown,
  total(case when planned_run is not null and planned = 1 then planned_run end) as shift_run,
  total(case when planned_run is not null and planned = 1 then apt + adot end) as shift_operating,
  total(case when planned_run is not null and planned = 1 then unknown end) as shift_unknown,
  total(case when planned_run is not null and planned = 1 then among - unknown end) as shift_heard,
  total(planned_good) as good,
  total(case when planned_good is not null then planned_run end) as good_run,
  total(case when planned_good is not null then pbt - unknown end) as good_heard,
  total(case when planned_good is not null then apt end) as good_apt,
  total(case when planned_good is not null then aust end) as good_aust,
  total(case when planned_good is not null then apt + adot end) as good_operating,
  total(case when planned_good is not null then unknown end) as good_unknown,
  total(outside) as outside,
  sum(case when planned = 1 then uncounted else 0 end) as uncounted, sum(uncounted) as untold, sum(1 - planned) as unplanned,
  concat_ws(
    ',',
    case when total(outside) > 0 then 'above_one:outside_plan' end,
    case when total(case when uncounted = 0 then unknown end) > 0 then 'above_one:unobserved' end,
    case when sum(resets) > 0 then 'above_one:counter_reset' end
  ) as hints,
  concat_ws(
    ',',
    case when sum(prorated) > 0 then 'prorated' end,
    case when sum(impossible) > 0 then 'impossible_values' end,
    case when sum(unvalued) > 0 then 'units_without_planned_time' end
  ) as notes
from parts
group by subject, start, "end"
