"""Floor 1: the nouns. Frozen dataclasses of the standard library alone; no input, no output."""
