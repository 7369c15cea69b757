"""MTConnect: logs in the format that adapters speak to agents (SHDR), and machine states from their signals."""

from steelyard.connect.mtconnect.log import Log, read_log
from steelyard.connect.mtconnect.states import Mapping, load_mapping, states

__all__ = ["Log", "Mapping", "load_mapping", "read_log", "states"]
