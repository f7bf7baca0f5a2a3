"""Where a data set's rows come from, and how they are audited, grouped, split and subsampled.

It may import tables, pretrained (files of the hub), machine, files and settings. It reads data/raw/D and makes
data/prepared/D, metrics/audit/D.json, data/subsampled/D and data/shots/D.parquet.
"""
