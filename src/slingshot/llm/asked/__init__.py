"""LLMs that are asked text by text over an API: the ledger of answers, what may be spent, sending, batches, replay.

An answer is in the ledger before it is used, so that nothing is paid twice. A provider adds an `Api` (see api.py).
"""
