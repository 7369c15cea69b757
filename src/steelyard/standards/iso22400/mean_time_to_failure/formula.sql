-- MTTF = sum of TTF / (FE + 1), or / FE (ISO 22400-2; IEC 60050-191), in hours. Work units are restored, and for restored items
-- it is equivalent to MTBF: the operating times from each restoration to the next failure add up to the operating time.
with parts as (
  select
    m."of" as subject, t.start, t."end",
    t.apt + t.aust + t.outside as operating, t.unknown, t.among,
    case when t.among > t.unknown then (t.apt + t.aust) * t.among / (t.among - t.unknown) + t.outside
         when t.among = 0 then t.outside end as paced,
    x.failures, case when $divisor = 'failures' then x.failures else x.failures + 1 end as divisor,
    case when x.unit is null then 1 else 0 end as unlogged
  from members m
  join unit_times t on t.unit = m.subject
  join periods p on p.start = t.start and p."end" = t."end"
  left join maintenance_times x on x.unit = t.unit and x.start = t.start and x."end" = t."end"
  where m.kind in ('unit', 'line', 'site', 'enterprise')
),
sums as (
  select
    subject, start, "end",
    total(case when unlogged = 0 then paced end) as paced,
    sum(case when paced is not null then divisor end) as heard_divisor,
    total(case when unlogged = 0 then operating end) as operating,
    total(case when unlogged = 0 then operating + unknown end) as possible,
    sum(divisor) as divisor, sum(failures) as failures,
    total(case when unlogged = 0 then among - unknown end) as heard, total(among) as among,
    sum(unlogged) as unlogged
  from parts
  group by subject, start, "end"
),
ratios as (
  select
    *,
    paced / nullif(heard_divisor, 0) / 3600.0 as value,
    operating / nullif(divisor, 0) / 3600.0 as lowest,
    possible / nullif(divisor, 0) / 3600.0 as highest
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
    case when failures = 0 then 'no_failures' end,
    case when unlogged > 0 then 'units_without_log' end
  ) as flags
from ratios
