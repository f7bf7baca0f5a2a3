"""The machine that a command runs on: its hardware, progress bars, the terminal, Markdown, and folders that last.

Imports settings and files. Reads DVC's configuration; keeps the state folder ($SLINGSHOT_STATE, or beside DVC's cache).
"""
