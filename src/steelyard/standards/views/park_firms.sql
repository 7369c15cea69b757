-- from: roster, members
-- Firms on the list of above-size firms that belong to a park, at any time in a period: the base of what is said of parks.
select distinct m."of" as park, p.start, p."end", m.subject as firm
from members m
join roster r on r.enterprise = m.subject and r.list = 'above_size'
join periods p on (r.since is null or r.since < p."end") and (r.until is null or r.until > p.start)
where m.kind = 'park'
