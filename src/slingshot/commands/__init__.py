"""The commands of `slingshot`: check, study, repro, show, quote, ledger, curve, diff, export, predict, convert.

Imports all packages except cli. Reads params.yaml, metrics/, git and DVC's experiments. Each command says what it
writes.
"""
