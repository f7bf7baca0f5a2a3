"""A contestant made of two others: the small model answers where it is confident enough, else the LLM.

Imports metrics, money, machine, files, settings. Reads data/predictions and data/usage of both sides; gives back the
cascade's own, and metrics/cascade/D/NAME.json.
"""
