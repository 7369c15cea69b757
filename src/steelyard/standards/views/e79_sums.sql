-- from: e10_times, unit_counts, members
-- What SEMI E79 makes of states and counts, per subject and period: sums over the units below it. run_* are over the units whose
-- planned run time is known, good_* over those of which that of the good pieces is known too. hints and notes as in work_sums.
with parts as (
  select
    m."of" as subject, t.start, t."end", t.total, t.productive, t.unknown, c.planned_run, c.planned_good, c.prorated, c.impossible,
    c.resets, case when c.unit is null then 1 else 0 end as uncounted,
    case when c.unit is not null and c.planned_good is null then 1 else 0 end as unvalued
  from members m
  join e10_times t on t.unit = m.subject
  left join unit_counts c on c.unit = t.unit and c.start = t.start and c."end" = t."end"
)
select
  subject, start, "end",
  total(total) as total, total(productive + unknown) as possible,
  total(planned_run) as run,
  total(case when planned_run is not null then productive end) as run_productive,
  total(case when planned_run is not null then unknown end) as run_unknown,
  total(case when planned_run is not null then total - unknown end) as run_heard,
  total(planned_good) as good,
  total(case when planned_good is not null then planned_run end) as good_run,
  total(case when planned_good is not null then productive end) as good_productive,
  total(case when planned_good is not null then unknown end) as good_unknown,
  total(case when planned_good is not null then total - unknown end) as good_heard,
  sum(uncounted) as uncounted,
  concat_ws(
    ',',
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
