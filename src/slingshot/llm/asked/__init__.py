"""LLMs that are asked text by text over an API: the ledger of answers, the budget, sending, batches and replay.

An answer is in the ledger before it is used, so nothing is paid twice. A provider adds an `Api` (see api.py).
"""
