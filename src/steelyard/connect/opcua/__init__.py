"""OPC UA: subscriptions with the server's time and status, browsing, history of gaps, security."""

from steelyard.connect.opcua.connector import Connector

__all__ = ["Connector"]
