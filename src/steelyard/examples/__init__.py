"""Worlds to try Steelyard on. What they invent is labelled synthetic; what they take from a source names it."""
