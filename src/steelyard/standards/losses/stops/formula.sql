-- Loss: stops: seconds of unit_losses in the category stops, summed over members. Units without shifts have no plan.
with lost as (
  select unit, start, "end", total(seconds) as seconds
  from unit_losses
  where category = 'stops'
  group by unit, start, "end"
),
sums as (
  select
    m."of" as subject, t.start, t."end",
    case when count(t.pbt) > 0 then total(case when t.pbt is not null then coalesce(l.seconds, 0.0) else 0.0 end) end as value,
    total(case when t.pbt is not null then t.unknown else 0.0 end) as unknown,
    total(case when t.pbt is not null then t.among - t.unknown else 0.0 end) as heard,
    total(case when t.pbt is not null then t.among else 0.0 end) as among,
    sum(case when t.pbt is null then 1 else 0 end) as unplanned
  from members m
  join unit_times t on t.unit = m.subject
  left join lost l on l.unit = t.unit and l.start = t.start and l."end" = t."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise')
  group by m."of", t.start, t."end"
)
select
  subject, start, "end", value, value as low, value + unknown as high, heard, among,
  concat_ws(
    ',',
    case when unplanned > 0 then 'units_without_shifts' end
  ) as flags
from sums
where among > 0
