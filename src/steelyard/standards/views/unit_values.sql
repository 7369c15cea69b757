-- from: samples, bindings
-- Values of bound signals within the periods, by unit and name, in the unit of measure that the binding asks for. Numbers of 10^15
-- or more, and no-numbers, are garbled: passed over as bad ones.
select
  b.unit, b.role as name, s."at", s.value * coalesce(b.factor, 1.0) + coalesce(b."offset", 0.0) as value, s.text, b.measured_in
from samples s
join bindings b on b.subject = s.subject and b.signal = s.signal and b."column" = 'samples'
join (select min(start) as a, max("end") as b from periods) as near on s."at" >= near.a and s."at" < near.b
where coalesce(s.quality, 'good') not in ('bad', 'stale', 'unavailable')
  and (s.value is null or abs(s.value) < 1e15)
