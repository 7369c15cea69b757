"""HTTP: devices and programs push samples and rows, with a token."""

from steelyard.connect.http.connector import Connector

__all__ = ["Connector"]
