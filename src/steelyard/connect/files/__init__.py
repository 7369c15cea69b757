"""Files: a folder that is watched, each file taken once, by digest."""

from steelyard.connect.files.connector import Connector

__all__ = ["Connector"]
