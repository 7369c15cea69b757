"""MQTT: JSON payloads on any topics, by a client of our own."""

from steelyard.connect.mqtt.connector import Connector

__all__ = ["Connector"]
