"""Anthropic's Messages API, and other servers with the same API: requests, replies, batches and errors."""
