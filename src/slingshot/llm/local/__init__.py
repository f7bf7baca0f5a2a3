"""A causal LLM on this machine. It labels a text by the exact log-likelihood of each label."""
