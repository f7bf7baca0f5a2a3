"""How files are written and read whatever they hold: atomically, as JSON, as parquet, known by their digests."""
