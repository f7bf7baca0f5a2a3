"""A contestant made of two others: the small model answers where it is confident enough, and the LLM elsewhere.

The room imports metrics, money, machine, files and settings. It reads data/predictions and data/usage of both sides,
and returns the contents of the cascade's own files there and of metrics/cascade/D/NAME.json.
"""
