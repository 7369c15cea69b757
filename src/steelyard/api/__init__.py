"""Floor 6: our own HTTP API over one home. It reads; only the verbs write."""

from steelyard.api.homes import Homes
from steelyard.api.routes import routes

__all__ = ["Homes", "routes"]
