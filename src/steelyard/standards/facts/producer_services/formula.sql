-- Digital services that stand at the end of the period; who is not on record has no figure, and is not without services.
with standing as (
  select v.firm, p.start, p."end", v.provider, v.kind,
         max(case v.digital when 'yes' then 2 when 'no' then 0 else 1 end) as digital
  from periods p
  join services v on v.since < p."end" and (v.until is null or v.until >= p."end")
  group by v.firm, p.start, p."end", v.provider, v.kind
),
counts as (
  select firm, start, "end",
         sum(case when kind <> 'none' and digital = 2 then 1 else 0 end) as used,
         sum(case when kind <> 'none' and digital >= 1 then 1 else 0 end) as possible,
         sum(case when kind = 'none' then 1 else 0 end) as asked,
         sum(case when kind = 'none' or digital <> 1 then 1 else 0 end) as told,
         count(*) as rows_here
  from standing
  group by firm, start, "end"
)
select firm as subject, start, "end",
       least(used, 100) as value, least(used, 100) as low, least(possible, 100) as high,
       told as heard, rows_here as among,
       case when told < rows_here then 'incomplete' else '' end as flags
from counts
where used > 0 or asked > 0
