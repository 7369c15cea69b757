-- from: samples, state_cells, bindings, state_words, watches, machine_states, time_elements
-- What is said of a unit's states: spans of (unit, start, end, state, reason) from signals by their bindings, from machine_states
-- that were handed in, and from time elements that were handed in (told = 1: within their span nothing else counts).
-- A sample holds until the next of its signal, but no longer than hold_seconds after it; beyond that only while its device is
-- watched, never beyond the moment of weighing, and never longer than the lookback of samples (one day), so that a period weighed alone sees what all see together.
-- A bad, stale or unavailable sample ends the state, and so does a number of 10^15 or more, or none at all. A word of lower
-- `overrides` counts before the others of its unit's rule.
-- A clean cell of state_cells is one run where a sample holds as long as the cell; other cells are read sample by sample.
with bound as (
  select
    row_number() over (order by unit, role) as n, unit, role, rule, subject, signal,
    cast(hold_seconds * 1000000 as bigint) as hold
  from bindings
  where "column" = 'state' and hold_seconds > 0
),
judged as (
  select
    b.n, c.subject, c.signal, c.cell, c.a, c.b, c.word, case when c.clean = 1 and b.hold >= 120000000 then 1 else 0 end as clean
  from state_cells c
  join bound b on b.subject = c.subject and b.signal = c.signal
),
points as (
  select n, a, b, word from judged where clean = 1
  union all
  select
    m.n, s."at" as a, s."at" as b,
    case when s.quality in ('bad', 'stale', 'unavailable') then null
         else coalesce(s.text, case when abs(s.value) < 1e15 then cast(cast(floor(s.value + 0.5) as bigint) as varchar) end) end as word
  from samples s
  join judged m on m.subject = s.subject and m.signal = s.signal and m.cell = s."at" // 120000000 and m.clean = 0
    and s."at" >= m.a and s."at" <= m.b
  where s."at" >= (select min(a) from judged where clean = 0) and s."at" <= (select max(b) from judged where clean = 0)
),
linked as (
  select
    n, a, b, word,
    lag(word) over w as word_before, lag(b) over w as b_before, lead(a) over w as a_after
  from points
  window w as (partition by n order by a)
),
turns as (
  select l.n, l.a, l.b, l.word, l.b_before
  from linked l
  join bound b on b.n = l.n
  where l.b_before is null or l.a_after is null or l.word is distinct from l.word_before or l.a - l.b_before > b.hold
),
runs as (
  select
    n, word, a, lead(a) over (partition by n order by a) as a_after,
    coalesce(lead(b_before) over (partition by n order by a), b) as heard
  from turns
),
weighing as (
  select max(known) as known from periods
),
held as (
  select r.n, r.word, r.a, least(coalesce(r.a_after, r.heard + b.hold), r.heard + b.hold, w.known) as b
  from runs r
  join bound b on b.n = r.n
  cross join weighing w
  where r.word is not null
  union all
  select
    r.n, r.word, greatest(w.start, r.heard + b.hold) as a,
    least(w."end", coalesce(r.a_after, w."end"), r.heard + 86400000000) as b
  from runs r
  join bound b on b.n = r.n
  join watches w on w.subject = b.subject and w."end" > r.heard + b.hold
    and w.start < coalesce(r.a_after, r.heard + 86400000000) and w.start < r.heard + 86400000000
  where r.word is not null and coalesce(r.a_after, r.heard + 86400000000) > r.heard + b.hold
),
worded as (
  select
    b.unit, b.role, h.a, max(h.b) as b, h.word,
    coalesce(min(x.state), min(z.state)) as state, coalesce(min(x.overrides), min(z.overrides)) as overrides
  from held h
  join bound b on b.n = h.n
  left join state_words x on x.rule = b.rule and x.role = b.role and x.word = upper(trim(h.word))
  left join state_words z on z.rule = b.rule and z.role = b.role and z.word = '*'
  where h.b > h.a
  group by b.unit, b.role, h.a, h.word
),
spans as (
  select unit, role, a, b, word, state, overrides from worded where state is not null
),
several as (
  select unit from bound group by unit having count(*) > 1
),
edges as (
  select unit, a as t from spans where unit in (select unit from several)
  union
  select unit, b as t from spans where unit in (select unit from several)
),
turning as (
  select e.unit, b.role, e.t, 0 as last_turn from edges e join bound b on b.unit = e.unit
  union all
  select unit, role, a as t, a * 2 + 1 as last_turn from spans where unit in (select unit from several)
  union all
  select unit, role, b as t, b * 2 as last_turn from spans where unit in (select unit from several)
),
standing as (
  select unit, role, t, max(last_turn) over (partition by unit, role order by t rows between unbounded preceding and current row) as turned
  from (select unit, role, t, max(last_turn) as last_turn from turning group by unit, role, t) as each_turn
),
ranked as (
  select
    st.unit, st.t, sp.state, sp.word,
    row_number() over (partition by st.unit, st.t order by sp.overrides, st.role) as place
  from standing st
  left join spans sp on sp.unit = st.unit and sp.role = st.role and sp.a = st.turned // 2 and st.turned % 2 = 1
  where sp.overrides is not null or st.turned % 2 = 0
),
chosen as (
  select e.unit, e.t as start, lead(e.t) over (partition by e.unit order by e.t) as "end", r.state, r.word
  from edges e
  left join (select unit, t, state, word from ranked where place = 1 and state is not null) as r on r.unit = e.unit and r.t = e.t
),
parts as (
  select unit, start, "end", "order", element, case element when 'APT' then 'production' when 'AUST' then 'setup' when 'ADET' then 'delay' else 'waiting' end as state,
    least(cast(coalesce(seconds, ("end" - start) / 1000000.0) * 1000000 as bigint), "end" - start) as lasts
  from time_elements
  where element in ('APT', 'AUST', 'ADET', 'ADOT') and "end" > start
),
laid as (
  select
    unit, start, "end", state, lasts,
    cast(coalesce(sum(lasts) over (partition by unit, start, "end" order by element, "order" rows between unbounded preceding and 1 preceding), 0) as bigint) as before
  from parts
)
select unit, a as start, b as "end", state, word as reason, 0 as told from spans where unit not in (select unit from several)
union all
select unit, start, "end", state, word as reason, 0 as told from chosen where state is not null and "end" > start
union all
select unit, start, "end", state, reason, 0 as told from machine_states where "end" > start
union all
select unit, start + before as start, least("end", start + before + lasts) as "end", state, state as reason, 1 as told
from laid where lasts > 0 and start + before < "end"
union all
select distinct unit, start, "end", 'unknown' as state, 'untold' as reason, 1 as told from parts
