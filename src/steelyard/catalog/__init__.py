"""Floor 2: reads ``standards/`` into Measures, Tables, items and code lists, and digests each method."""

from steelyard.catalog.catalog import Catalog, load

__all__ = ["Catalog", "load"]
