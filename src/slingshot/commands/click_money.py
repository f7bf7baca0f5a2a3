"""The commands about paid answers: quote and ledger."""

from __future__ import annotations

import click

from slingshot.commands.click_options import JSON
from slingshot.machine import console


@click.command()
@click.argument("llms", nargs=-1, metavar="[LLM]...")
@JSON
def quote(llms: tuple[str, ...], as_json: bool) -> None:
    """Say what the missing answers would cost. Nothing is bought.

    It also says what is left of each budget. LLM names entries of `llms` in params.yaml, whether they take part in the
    study or not. Without a name it is all LLMs of the study that are asked through an API. The data sets are those of
    the study; `dvc repro shots` prepares them. Tokens are counted by the API, for free, if a key is set and the data
    set has `may_leave: true`. Otherwise no text is sent, and tokens are estimated.
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
    help="Take in all answers and bills of data/answers, and replace damaged ones.",
)
@click.option(
    "--confirm-loss",
    is_flag=True,
    help="Accept that what is missing is gone. Its budget starts anew.",
)
@JSON
def ledger(rebuild: bool, confirm_loss: bool, as_json: bool) -> None:
    """Say what each LLM has cost, and what the ledger lacks.

    The ledger of paid answers is a file in your own data folder (or in $SLINGSHOT_STATE), named after the repository's
    first commit. If it was lost, which dvc.lock and a mark beside DVC's cache show, nothing is paid until one of two
    options is given. `--rebuild` takes in all answers that data/answers holds here and in DVC's cache; run `dvc pull`
    first. It counts no request twice. `--confirm-loss` gives up what is missing. Both together take in what is there
    and give up the rest.
    """
    from slingshot.commands import accounts
    from slingshot.settings import load

    report = accounts.accounts(load(), rebuilt=rebuild, confirmed=confirm_loss)
    if as_json:
        console.echo_json(accounts.as_json(report))
    else:
        accounts.show(report)
