"""A user's own table, read without guessing types: CSV, TSV, JSONL, Parquet and parallel lines.

From the bytes up: `unpacking`, `decoding` (lines), `headers`, `csv_records` and `json_records` (records),
`text_tables` and `parquet_tables` (columns of strings), `files` (what `prepare` reads).

It may import settings, files and machine. It reads data/raw/D for `prepare`, and the input of `slingshot predict`.
"""
