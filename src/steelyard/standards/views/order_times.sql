-- from: orders, order_runs
-- Per order finished in a period and unit that worked on it: seconds of the order (AOET, start to end) and of the unit for it:
-- busy (AUBT: set-up, production and delay where they were told, else the whole run) and production (APT; a run that does not
-- tell it may have produced all its time). An order without any run has one row without a unit.
with finished as (
  select
    p.start, p."end", o."order", o.subject as owner, (o."end" - o.start) / 1000000.0 as aoet, o.produced, o.good,
    o.transport_seconds as att, o.queue_seconds as aqt
  from orders o
  join periods p on o."end" > p.start and o."end" <= p."end"
  where o."end" >= o.start
),
told as (
  select
    "order", unit, greatest("end" - start, 0) / 1000000.0 as lasts, production_seconds as apt,
    setup_seconds + production_seconds + delay_seconds as busy
  from order_runs
),
runs as (
  select
    "order", unit,
    total(coalesce(busy, lasts)) as aubt, total(coalesce(apt, 0)) as apt,
    total(case when apt is null then lasts else 0 end) as apt_unknown,
    sum(case when apt is null then 1 else 0 end) as untold
  from told
  group by "order", unit
)
select
  f.start, f."end", f."order", f.owner, f.aoet, f.produced, f.good, f.att, f.aqt,
  r.unit, r.aubt, r.apt, r.apt_unknown, r.untold
from finished f
left join runs r on r."order" = f."order"
