"""Prompted LLMs: the task, the prompt and its examples, and a module or folder for each provider.

`asked` asks APIs text by text and keeps the ledger of paid answers, `anthropic` is one such API, and `local` runs a
causal LLM on this machine. The room imports pretrained, metrics (to choose by), money, machine, files and settings. It
reads data/shots and data/prepared, and returns the contents of data/predictions, data/usage and data/answers.
"""
