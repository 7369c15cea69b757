"""Floor 2: one folder per way in, each with a manifest of what it was tried against, a sample, and a connector."""
