-- Scenes of production that stand at the end of the period.
select subject, start, "end", production as value, production as low, production as high, told as heard, told as among, grade
from scene_sums
