"""Floor 7: the command ``steelyard``. Heavy things are imported inside the commands, so that help comes at once."""

from steelyard.cli.main import main

__all__ = ["main"]
