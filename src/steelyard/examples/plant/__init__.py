"""A plant that publishes through the real protocols, all of it made up: for demos, tests and training."""

from steelyard.examples.plant.plant import Plant

__all__ = ["Plant"]
