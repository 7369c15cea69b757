-- from: register, unit_signals, equipment_statements
-- Per subject and period: units of the register, and of how many it is known, and yes, that they are digital and networked. A unit
-- that spoke over a connection in the period is both; of others the latest statement up to its end counts that says so.
with said as (
  select
    t.unit, p.start, p."end", t.digital, t.networked,
    row_number() over (partition by t.unit, p.start, p."end" order by case when t.digital is null then 1 else 0 end, t."at" desc) as last_digital,
    row_number() over (partition by t.unit, p.start, p."end" order by case when t.networked is null then 1 else 0 end, t."at" desc) as last_networked
  from equipment_statements t
  join periods p on t."at" < p."end"
),
known as (
  select
    r.subject, r.start, r."end",
    case when s.online > 0 or d.digital = 'yes' then 1.0 when d.digital = 'no' then 0.0 end as digital,
    case when s.online > 0 or n.networked = 'yes' then 1.0 when n.networked = 'no' then 0.0 end as networked
  from register r
  left join unit_signals s on s.unit = r.unit and s.start = r.start and s."end" = r."end"
  left join said d on d.unit = r.unit and d.start = r.start and d."end" = r."end" and d.last_digital = 1
  left join said n on n.unit = r.unit and n.start = r.start and n."end" = r."end" and n.last_networked = 1
)
select
  subject, start, "end", count(*) as units,
  total(digital) as digital, count(digital) as digital_known, total(networked) as networked, count(networked) as networked_known
from known
group by subject, start, "end"
