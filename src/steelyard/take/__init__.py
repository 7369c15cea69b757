"""The verb ``take``: a machine's log, a table, a document become sealed leaves; what is refused is named."""

from steelyard.take.bind import bind
from steelyard.take.take import Taken, keep_rows, take

__all__ = ["Taken", "bind", "keep_rows", "take"]
