-- Scenes that stand at the end of the period.
select subject, start, "end", built as value, built as low, built as high, told as heard, told as among, grade
from scene_sums
