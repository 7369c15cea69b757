-- Scenes of business operation that stand at the end of the period.
select subject, start, "end", business as value, business as low, business as high, told as heard, told as among, grade
from scene_sums
