-- Scenes of production management that stand at the end of the period.
select subject, start, "end", management as value, management as low, management as high, told as heard, told as among, grade
from scene_sums
