"""Pure numerics: arrays in, numbers out; no file, no home."""
