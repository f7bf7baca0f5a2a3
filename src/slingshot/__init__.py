"""Slingshot, in rooms: what stands on a lower floor knows nothing of what stands above.

    settings < files < machine < {metrics, money, pretrained, tables} < {data, finetune, llm, cascade} < report
             < {commands, the scripts in stages/} < cli

Rooms on one floor do not import each other: they meet in files, or in what stands below both. `make lint` holds this.
"""
