"""LLMs behind APIs, which answer text by text: the ledger of answers, the budget, sending, batches and replay.

An answer is in the ledger before it is used, so nothing is paid for twice. A provider adds an `Api` (see api.py).
"""
