"""Floor 2: canonical bytes, Merkle tree, seal, trust policies, bundle. Bytes in, verdict out: no file, no socket."""
