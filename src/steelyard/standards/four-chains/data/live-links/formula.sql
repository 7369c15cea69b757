-- Firms with a verified link that is live, of those heard; a firm of which a link is untold, or that tells none, is unheard.
with used as (
  select distinct p.start, p."end", e."from" as customer, e."to" as supplier
  from periods p
  join exchanges e on e."at" < least(p."end", p.known) and e."at" >= least(p."end", p.known) - cast($within_days as bigint) * 86400000000
  where e.digital = 'yes' and coalesce(e.number, 1) > 0
),
links as (
  select s.park, s.start, s."end", s.customer as firm,
         case when u.customer is not null then 'yes' else s.live end as live, s.verified
  from park_supplies s
  left join used u on u.customer = s.customer and u.supplier = s.supplier and u.start = s.start and u."end" = s."end"
),
firms as (
  select f.park, f.start, f."end", f.firm,
         max(case when l.live = 'yes' and l.verified = 'yes' then 2 when l.live = 'no' or l.verified = 'no' then 0
                  when l.firm is not null then 1 end) as best
  from park_firms f
  left join links l on l.park = f.park and l.firm = f.firm and l.start = f.start and l."end" = f."end"
  group by f.park, f.start, f."end", f.firm
),
counts as (
  select park, start, "end", sum(case when best = 2 then 1.0 else 0.0 end) as linked,
         sum(case when best = 0 then 1.0 else 0.0 end) as without, count(*) as among
  from firms
  group by park, start, "end"
)
select park as subject, start, "end",
       linked / (linked + without) as value,
       linked / among as low,
       (among - without) / among as high,
       linked + without as heard, among,
       case when linked + without < among then 'incomplete' else '' end as flags
from counts
where linked + without > 0
