-- Links with at least one scene that stands at the end of the period.
select subject, start, "end", links as value, links as low, links as high, told as heard, told as among, grade
from scene_sums
