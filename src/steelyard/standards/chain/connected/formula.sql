-- Firms of the chain (on its own list, where there is one) and those that sent a bundle in time.
with firms as (
  select distinct m."of" as chain, m.subject as firm
  from members m
  join subjects s on s.id = m.subject and s.kind = 'enterprise'
  where m.kind = 'chain'
),
lists as (
  select distinct list from roster
),
listed as (
  select distinct p.start, p."end", r.list, r.enterprise
  from periods p
  join roster r on (r.since is null or r.since < p."end") and (r.until is null or r.until > p.start)
),
asked as (
  select p.start, p."end", f.chain, f.firm
  from periods p
  cross join firms f
  left join lists c on c.list = f.chain
  left join listed l on l.list = f.chain and l.enterprise = f.firm and l.start = p.start and l."end" = p."end"
  where c.list is null or l.enterprise is not null
),
sent as (
  select distinct p.start, p."end", b.subject as firm
  from periods p
  join bundles b on b.at < p."end" and b.at >= p."end" - cast($within_days as bigint) * 86400000000
),
counts as (
  select a.chain, a.start, a."end", count(s.firm) as heard, count(*) as among
  from asked a
  left join sent s on s.firm = a.firm and s.start = a.start and s."end" = a."end"
  group by a.chain, a.start, a."end"
)
select
  chain as subject, start, "end",
  heard * 1.0 / among as value,
  heard * 1.0 / among as low,
  heard * 1.0 / among as high,
  heard, among,
  '' as flags
from counts
