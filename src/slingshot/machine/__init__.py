"""The machine that a command runs on: hardware, progress bars, the terminal, Markdown, and durable folders.

The room imports settings and files. It reads DVC's configuration, and owns the state folder ($SLINGSHOT_STATE, or a
folder beside DVC's cache).
"""
