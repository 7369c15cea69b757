-- from: park_firms, supplies
-- Supply links that stand at the end of a period, of the park's above-size firms as customers.
select f.park, f.start, f."end", s.customer, s.supplier, s.product, s.verified, s.live, s.sole
from park_firms f
join supplies s on s.customer = f.firm and s.since < f."end" and (s.until is null or s.until >= f."end")
