"""Prompted LLMs: the task, the prompt and its examples, and a module or folder for each provider.

`asked` holds what is paid for, text by text, and its ledger; `anthropic` one API; `local` a causal LLM on this machine.
Imports pretrained, metrics (what chooses), money, machine, files, settings. Reads data/shots and data/prepared; gives
back data/predictions, data/usage and data/answers.
"""
