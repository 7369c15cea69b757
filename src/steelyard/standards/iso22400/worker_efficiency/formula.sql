-- Worker efficiency = APWT / APAT (ISO 22400-2). Over the attendance whose work time was told; low takes the rest as no work,
-- high as work all the time. A row that straddles an edge of the period is shared out by time.
with cut as (
  select
    m."of" as subject, p.start, p."end", t.attended_seconds, t.worked_seconds,
    least(t."end", p."end") - greatest(t.start, p.start) as inside, t."end" - t.start as whole
  from members m
  join personnel_times t on t.unit = m.subject
  join periods p on t.start < p."end" and t."end" > p.start
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
shared as (
  select *, case when inside = whole then 1.0 else inside * 1.0 / whole end as part from cut
),
sums as (
  select
    subject, start, "end",
    total(worked_seconds * part) as worked,
    total(case when worked_seconds is not null then attended_seconds * part end) as heard,
    total(attended_seconds * part) as among,
    sum(case when inside < whole then 1 else 0 end) as prorated
  from shared
  group by subject, start, "end"
),
ratios as (
  select
    *,
    worked / nullif(heard, 0) as value,
    worked / nullif(among, 0) as lowest,
    (worked + among - heard) / nullif(among, 0) as highest
  from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  greatest(highest, value) as high,
  heard, among,
  concat_ws(
    ',',
    case when value > 1 + 1e-9 then 'above_one:attendance' end,
    case when prorated > 0 then 'prorated' end
  ) as flags
from ratios
