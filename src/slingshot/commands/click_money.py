"""The commands about paid answers: quote and ledger."""

from __future__ import annotations

import click

from slingshot.commands.click_options import JSON
from slingshot.machine import console


@click.command()
@click.argument("llms", nargs=-1, metavar="[LLM]...")
@JSON
def quote(llms: tuple[str, ...], as_json: bool) -> None:
    """Show what the missing answers would cost. Nothing is bought.

    The rest of each budget is shown too. LLM names entries of `llms` in params.yaml, which need not be in the study.
    Without a name, all LLMs of the study with an API are quoted, on the data sets of the study (`dvc repro shots`
    prepares them). The API counts tokens, for free, if a key is set and the data set has `may_leave: true`. Otherwise
    no text is sent, and tokens are estimated.
    """
    from slingshot.commands import quote as quoting
    from slingshot.settings import UserError, load

    settings = load()
    names = list(llms) or quoting.paid(settings)
    if not names:
        raise UserError(
            "no LLM of the study is asked through an API: name one, e.g. slingshot quote LLM"
        )
    quotes, accounts = quoting.quotes(settings, names)
    if as_json:
        console.echo_json(quoting.as_json(quotes, accounts))
    else:
        quoting.show(quotes, accounts)


@click.command()
@click.option(
    "--rebuild",
    is_flag=True,
    help="Add all answers and bills of data/answers, and replace damaged answers.",
)
@click.option(
    "--confirm-loss",
    is_flag=True,
    help="Accept missing answers as lost. The budget starts again.",
)
@JSON
def ledger(rebuild: bool, confirm_loss: bool, as_json: bool) -> None:
    """Show what each LLM has cost, and what the ledger lacks.

    The ledger of paid answers is a file in your own data folder (or in $SLINGSHOT_STATE), named after the repository's
    first commit. dvc.lock and a mark beside DVC's cache show if a ledger is lost. Then nothing is paid until you give
    one of two options. `--rebuild` adds all answers from data/answers and DVC's cache; run `dvc pull` first. It counts
    no request twice. `--confirm-loss` gives up missing answers. With both, available answers are added and the rest is
    given up.
    """
    from slingshot.commands import accounts
    from slingshot.settings import load

    report = accounts.accounts(load(), rebuilt=rebuild, confirmed=confirm_loss)
    if as_json:
        console.echo_json(accounts.as_json(report))
    else:
        accounts.show(report)
