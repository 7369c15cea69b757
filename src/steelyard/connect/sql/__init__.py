"""SQL: rows of any database that SQLAlchemy speaks, read incrementally by a high-water column."""

from steelyard.connect.sql.connector import Connector

__all__ = ["Connector"]
