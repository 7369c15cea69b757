"""The verb ``weigh``: leaves and figures in, sealed Figures out, in sets. The only code that makes Figures."""

from steelyard.weigh.keep import Weighed
from steelyard.weigh.weigh import weigh

__all__ = ["Weighed", "weigh"]
