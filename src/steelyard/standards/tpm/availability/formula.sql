-- TPM availability = operating time / loading time (Nakajima). Loading time is planned time without planned stops, operating time
-- is loading time less downtime: breakdowns (delay) and set-up. Waiting is idling, a loss of speed. low takes unknown time as
-- downtime, high as operating.
with sums as (
  select
    m."of" as subject, t.start, t."end",
    total(t.pbt) as loading,
    total(case when t.pbt is not null then t.apt + t.adot end) as operating,
    total(case when t.pbt is not null then t.unknown end) as unknown,
    total(case when t.pbt is not null then t.among - t.unknown end) as heard, total(t.among) as among,
    sum(case when t.pbt is null then 1 else 0 end) as unplanned
  from members m
  join unit_times t on t.unit = m.subject
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", t.start, t."end"
),
ratios as (
  select
    *,
    operating / nullif(loading - unknown, 0) as value,
    operating / nullif(loading, 0) as lowest,
    (operating + unknown) / nullif(loading, 0) as highest
  from sums
)
select
  subject, start, "end",
  value,
  least(lowest, value) as low,
  greatest(highest, value) as high,
  heard, among,
  case when unplanned > 0 then 'units_without_shifts' else '' end as flags
from ratios
