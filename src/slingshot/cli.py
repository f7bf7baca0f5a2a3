"""The `slingshot` command: the group of commands from slingshot.commands.click_*.

These modules import nothing heavy at the top, so that `slingshot --help` is fast.
"""

from __future__ import annotations

import click

from slingshot.commands import click_models, click_money, click_results, click_studies
from slingshot.commands.click_options import CONTEXT
from slingshot.machine import console


@click.group(cls=console.Group, context_settings=CONTEXT)
def main() -> None:
    """Does a small fine-tuned model beat a prompted large one on your labelled text, and at what cost?

    Set SLINGSHOT_DEBUG=1 to see where in the program an error arose.
    """


for command in (
    click_studies.check,
    click_studies.study,
    click_studies.repro,
    click_studies.show,
    click_results.curve,
    click_results.diff,
    click_money.quote,
    click_money.ledger,
    click_models.export,
    click_models.predict,
    click_models.convert,
):
    main.add_command(command)
