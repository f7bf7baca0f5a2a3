"""Writing and reading files of any content: atomic writes, JSON, parquet, and digests."""
