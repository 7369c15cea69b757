"""The verb ``trace``: from a Figure down to its leaves, every node verified; and ``verify``, which does so for a whole home."""

from steelyard.trace.trace import Node, trace
from steelyard.trace.verify import Fault, Verdict, verify

__all__ = ["Fault", "Node", "Verdict", "trace", "verify"]
