-- Scenes of research and design that stand at the end of the period.
select subject, start, "end", design as value, design as low, design as high, told as heard, told as among, grade
from scene_sums
