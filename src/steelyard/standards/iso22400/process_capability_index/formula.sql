-- Cp = (USL - LSL) / (6 sigma) (ISO 22400-2); the weakest characteristic of the unit. Both limits are needed.
select subject, start, "end", value, value as low, value as high, heard, among, flags
from capabilities
where "index" = 'cp'
