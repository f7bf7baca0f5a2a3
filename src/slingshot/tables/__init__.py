"""A user's own table, read without guessing: bytes, lines, header, records; CSV, TSV, JSONL, Parquet, parallel lines.

Imports settings, files and machine. Reads data/raw/D for `prepare`, and what `slingshot predict` is given.
"""
