"""Anthropic's Messages API, and servers that speak it: requests, replies, batches and what goes wrong."""
