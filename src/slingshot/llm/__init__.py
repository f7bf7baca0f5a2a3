"""Prompted LLMs: the prompt, what is chosen on validation, and one module a provider."""
