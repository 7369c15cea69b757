"""Sparkplug B 3.0: a host application over MQTT."""

from steelyard.connect.sparkplug.connector import Connector

__all__ = ["Connector"]
