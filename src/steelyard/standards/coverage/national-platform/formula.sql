-- The published share of the registered firms, set back into all firms. Per indicator the rows of its latest date count;
-- per cent become ratios. low = share * registered share; high = 1 - registered share * (1 - share).
with known as (
  select p.start, p."end", r.subject, r.indicator, r.as_of, r.value
  from periods p
  join published r on r.as_of <= p."end"
  where r.indicator in ('share_transformed', 'enterprises_registered_on_national_platform', 'registered_share_of_above_size')
),
latest as (
  select start, "end", subject, indicator, max(as_of) as as_of
  from known
  group by start, "end", subject, indicator
),
ranges as (
  select k.start, k."end", k.subject, k.indicator, k.as_of, min(k.value) as least, max(k.value) as most
  from known k
  join latest l on l.start = k.start and l."end" = k."end" and l.subject = k.subject
    and l.indicator = k.indicator and l.as_of = k.as_of
  group by k.start, k."end", k.subject, k.indicator, k.as_of
),
rates as (
  select
    s.subject, s.start, s."end",
    s.least / 100.0 as share_least, s.most / 100.0 as share_most,
    g.least / 100.0 as registered_least,
    n.least as firms,
    s.most > s.least or g.most > g.least or n.most > n.least as contradicting,
    s.as_of < s.start as older
  from ranges s
  join ranges g on g.subject = s.subject and g.start = s.start and g."end" = s."end"
    and g.indicator = 'registered_share_of_above_size'
  join ranges n on n.subject = s.subject and n.start = s.start and n."end" = s."end"
    and n.indicator = 'enterprises_registered_on_national_platform'
  where s.indicator = 'share_transformed'
)
select
  subject, start, "end",
  share_least as value,
  share_least * registered_least as low,
  1.0 - registered_least * (1.0 - share_most) as high,
  firms as heard,
  firms / registered_least as among,
  concat_ws(',', case when contradicting then 'contradicting' end, case when older then 'older_than_period' end) as flags
from rates
where registered_least > 0
