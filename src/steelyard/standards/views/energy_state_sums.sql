-- from: energy_states, members
-- Electricity in kWh by state per subject and period: sums over the units below it that have meters of their own. Time of a state
-- that a meter did not cover is taken at the pace of the rest for value and high, as without use for low. low holds only rows that lie
-- wholly in the state, high all that touch it, and what was used while nobody saw the state.
with parts as (
  select
    m."of" as subject, s.start, s."end", s.state, s.sure, s.metered, s.seconds,
    case when s.metered > 0 then s.kwh * (s.seconds / s.metered) end as paced,
    case when s.metered > 0 then s.most * (s.seconds / s.metered) end as most,
    case when s.state <> 'unknown' then coalesce(u.kwh, 0.0) else 0.0 end as unseen
  from members m
  join energy_states s on s.unit = m.subject
  left join energy_states u on u.unit = s.unit and u.meter = s.meter and u.start = s.start and u."end" = s."end" and u.state = 'unknown'
)
select
  subject, start, "end", state,
  total(paced) as value, least(total(sure), total(paced)) as low, greatest(total(most), total(paced)) + total(unseen) as high,
  total(metered) as heard, total(seconds) as among,
  case when total(metered) < total(seconds) - 1e-6 then 'energy_gaps' else '' end as flags
from parts
group by subject, start, "end", state
