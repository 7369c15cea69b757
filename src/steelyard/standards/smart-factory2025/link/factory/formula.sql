-- Scenes of factory building that stand at the end of the period.
select subject, start, "end", factory as value, factory as low, factory as high, told as heard, told as among, grade
from scene_sums
