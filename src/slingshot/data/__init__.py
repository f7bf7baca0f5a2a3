"""Where a data set's rows come from, and how they are audited, grouped, split and subsampled.

Imports what stands below: tables, pretrained (files of the hub), machine, files, settings. Reads data/raw/D; gives back
data/prepared/D, metrics/audit/D.json, data/subsampled/D and data/shots/D.parquet.
"""
