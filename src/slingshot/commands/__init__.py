"""What only the `slingshot` command does: check, study, experiments, quote, ledger, curve, diff, export, predict.

Imports everything but cli. Reads params.yaml, metrics/, git and DVC's experiments; each command says what it writes.
"""
