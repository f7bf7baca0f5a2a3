"""Shared options of the click commands. All of them import heavy modules late, so that `slingshot --help` is fast."""

from __future__ import annotations

import click

CONTEXT = {"help_option_names": ["-h", "--help"]}
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DATASET = click.option("--dataset", help="Only this data set.")
METRIC = click.option("--metric", help="Another metric than metrics.primary.")
