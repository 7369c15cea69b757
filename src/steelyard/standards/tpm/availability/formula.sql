-- TPM availability = operating time / loading time (Nakajima). Loading time is planned time without planned stops, operating time
-- is loading time less downtime: breakdowns (delay) and set-up. Waiting is idling, a loss of speed. low takes unknown time as
-- downtime, high as operating.
with ratios as (
  select
    *,
    (planned_apt + planned_adot) / nullif(planned_heard, 0) as value,
    (planned_apt + planned_adot) / nullif(pbt, 0) as lowest,
    (planned_apt + planned_adot + planned_unknown) / nullif(pbt, 0) as highest
  from time_sums
  where subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
)
select
  subject, start, "end", value, least(lowest, value) as low, greatest(highest, value) as high, planned_heard as heard, among,
  case when unplanned > 0 then 'units_without_shifts' else '' end as flags
from ratios
