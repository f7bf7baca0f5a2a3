"""`slingshot ledger`: the path of the ledger, what each LLM has cost, and what the ledger lacks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from slingshot.llm.asked import ledger_place
from slingshot.llm.asked.entries import Spent
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.rebuild import Rebuilt, confirm_loss, missing, rebuild
from slingshot.settings import Settings


@dataclass
class Accounts:
    """The ledger's accounts, and what this command has changed."""

    file: str
    refusal: str | None
    """Why nothing may be paid from this clone, with any ledger; None if payments are allowed."""
    spent: dict[str, list[Spent]]
    """LLM -> what it cost, one entry for each currency."""
    missing: list[str]
    """Answers and bills that the ledger lacks. While some are missing, nothing is paid."""
    rebuilt: Rebuilt | None = None
    accepted: list[str] = field(default_factory=list)
    """The losses that were accepted."""


def accounts(settings: Settings, *, rebuilt: bool = False, confirmed: bool = False) -> Accounts:
    """The ledger's accounts. `rebuilt` first rebuilds it from data/answers. `confirmed` then accepts missing entries as
    lost."""
    place = ledger_place.find()
    with Ledger(place.file) as ledger:
        outcome = rebuild(settings, ledger) if rebuilt else None
        accepted = confirm_loss(settings, ledger) if confirmed else []
        spent = {llm: ledger.spent(llm) for llm in ledger.llms()}
        gaps = missing(settings, ledger)
        return Accounts(str(place.file), place.refusal, spent, gaps, outcome, accepted)


def as_json(report: Accounts) -> dict[str, object]:
    """The accounts for programs."""
    return asdict(report)


def show(report: Accounts) -> None:
    """Print the path of the ledger, what was changed, a table of spending, and what is missing."""
    from rich import box
    from rich.table import Table

    from slingshot.machine.console import terminal
    from slingshot.report.numbers import count, significant

    out = terminal()
    out.print(f"The ledger: {report.file}", soft_wrap=True)
    for line in _done(report):
        out.print(line, soft_wrap=True)
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("LLM", "Currency"):
        grid.add_column(heading)
    for heading in ("Answers", "Billed", "Reserved"):
        grid.add_column(heading, justify="right")
    for llm, sums in report.spent.items():
        for spent in sums:
            amounts = (significant(spent.billed), significant(spent.reserved))
            grid.add_row(llm, spent.currency, count(spent.answers), *amounts)
    if report.spent:
        out.print(grid)
    else:
        out.print("Nothing was spent from it.")
    for line in _warnings(report):
        out.print(line, style="yellow", soft_wrap=True)


def _done(report: Accounts) -> list[str]:
    """What this command has changed, one line each."""
    lines = []
    if rebuilt := report.rebuilt:
        lines.append(
            f"data/answers has {rebuilt.answers:,} answers: the bills of {rebuilt.billed:,} were added, and "
            f"{rebuilt.mended:,} damaged answers were replaced."
        )
        lines += [f"Not taken in: {line}." for line in rebuilt.lacking]
        lines += [f"Note: {line}." for line in rebuilt.notes]
    return lines + [f"Given up: {line}." for line in report.accepted]


def _warnings(report: Accounts) -> list[str]:
    """Why nothing can be paid with this ledger, one line each."""
    lines = [f"Missing: {line}." for line in report.missing]
    if report.missing:
        lines.append(f"Nothing is paid until that is settled: {ledger_place.REMEDY}.")
    if report.refusal:
        lines.append(f"This ledger may not pay: {report.refusal}.")
    return lines
