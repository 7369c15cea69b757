"""Steelyard (杆秤): a manufacturing digital-transformation programme run on evidence.

Public names: ``Home``, ``Figure`` and the verbs ``take``, ``weigh``, ``share``, ``trace``. They load on first use, so that
``import steelyard`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["Figure", "Home", "share", "take", "trace", "weigh"]

_PLACES = {"Figure": "steelyard.model.figure", "Home": "steelyard.store.home"}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    if name in __all__:
        return import_module(f"steelyard.{name}")
    raise AttributeError(f"module 'steelyard' has no attribute {name!r}")
