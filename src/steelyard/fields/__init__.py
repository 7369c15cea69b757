"""Fields: parks, clusters and regions, rolled up from their firms and compared among equals."""
