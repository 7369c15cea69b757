-- Electricity used while stopped, in kWh: the state that counted in each instant, as unit_moments has it.
select subject, start, "end", value, low, high, heard, among, flags
from energy_state_sums
where state = 'delay' and subject in (select "of" from members where kind in ('unit', 'line', 'site', 'enterprise'))
