"""What trained models and local LLMs both load: files of the hub, checkpoints, inputs in batches, an encoder.

Imports settings, files and machine. Reads installed packages, local folders and the hub; keeps downloads and converted
checkpoints in the state folder.
"""
