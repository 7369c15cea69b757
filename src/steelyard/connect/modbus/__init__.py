"""Modbus TCP: registers named by a map, read in blocks on a fixed raster. Nothing is ever written to a device."""

from steelyard.connect.modbus.connector import Connector

__all__ = ["Connector"]
