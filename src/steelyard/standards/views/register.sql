-- from: equipment, members
-- The units of the register that are in force in a period, for each subject above them.
select m."of" as subject, p.start, p."end", e.unit
from members m
join equipment e on e.unit = m.subject
join periods p on (e.since is null or e.since < p."end") and (e.until is null or e.until > p.start)
