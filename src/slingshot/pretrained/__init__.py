"""Pretrained weights, for trained models and for local LLMs: the hub, checkpoints, inputs in batches, and an encoder.

The room imports settings, files and machine. It reads installed packages, local folders and the hub, and keeps
converted checkpoints in the state folder.
"""
