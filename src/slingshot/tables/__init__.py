"""A user's own table, read without guessing types: CSV, TSV, JSONL, Parquet and parallel lines.

From the bytes up: unpacking, decoding (lines), headers, records (csv_records, json_records), text_tables and
parquet_tables (columns of strings), files (what `prepare` reads).

Imports settings, files and machine. Reads data/raw/D for `prepare`, and what `slingshot predict` is given.
"""
