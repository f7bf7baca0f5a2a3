"""A causal LLM on this machine: it labels a text by the exact log-likelihood of each label."""
