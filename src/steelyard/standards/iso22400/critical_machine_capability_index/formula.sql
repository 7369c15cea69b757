-- Cmk = min(USL - mean, mean - LSL) / (3 s) (ISO 22400-2); the weakest characteristic of the unit. One limit alone is enough.
select subject, start, "end", value, value as low, value as high, heard, among, flags
from capabilities
where "index" = 'cmk'
