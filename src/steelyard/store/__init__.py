"""Floor 3: where it rests. The ledger (SQLite), the lake (Parquet read by DuckDB), the figures, the home that holds them."""
