"""The ledger as people see it: where it lies, what each LLM has cost, and what is missing of it: `slingshot ledger`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from slingshot.llm.asked import ledger_place
from slingshot.llm.asked.entries import Spent
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.rebuild import Rebuilt, confirm_loss, missing, rebuild
from slingshot.settings import Settings


@dataclass
class Accounts:
    """After what was to be done."""

    file: str
    refusal: str | None
    """Why nothing may be paid from here, wherever the ledger is."""
    spent: dict[str, list[Spent]]
    """LLM -> what it cost, a line a currency."""
    missing: list[str]
    """What the ledger should hold and does not: until it does, nothing is paid."""
    rebuilt: Rebuilt | None = None
    accepted: list[str] = field(default_factory=list)
    """What is given up."""


def accounts(params: Settings, *, rebuilt: bool = False, confirmed: bool = False) -> Accounts:
    """What the ledger holds; first `rebuilt` from data/answers, then what is missing `confirmed` to be lost."""
    place = ledger_place.find()
    with Ledger(place.file) as ledger:
        came = rebuild(params, ledger) if rebuilt else None
        accepted = confirm_loss(params, ledger) if confirmed else []
        spent = {llm: ledger.spent(llm) for llm in ledger.llms()}
        return Accounts(
            str(place.file), place.refusal, spent, missing(params, ledger), came, accepted
        )


def as_json(found: Accounts) -> dict[str, Any]:
    """For programs."""
    return asdict(found)


def show(found: Accounts) -> None:
    """Print where the ledger lies, what was done to it, a table of what was spent, and what is missing."""
    from rich import box
    from rich.table import Table

    from slingshot.machine.console import terminal
    from slingshot.report.numbers import count, significant

    out = terminal()
    out.print(f"The ledger: {found.file}", soft_wrap=True)
    for line in _done(found):
        out.print(line, soft_wrap=True)
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("LLM", "Currency"):
        grid.add_column(heading)
    for heading in ("Answers", "Billed", "Reserved"):
        grid.add_column(heading, justify="right")
    for llm, lines in found.spent.items():
        for one in lines:
            grid.add_row(
                llm,
                one.currency,
                count(one.answers),
                significant(one.billed),
                significant(one.reserved),
            )
    if found.spent:
        out.print(grid)
    else:
        out.print("Nothing was spent from it.")
    for line in _warned(found):
        out.print(line, style="yellow", soft_wrap=True)


def _done(found: Accounts) -> list[str]:
    lines = []
    if found.rebuilt:
        one = found.rebuilt
        lines.append(
            f"data/answers holds {one.answers:,} answers: the bills of {one.billed:,} were added, and {one.mended:,} "
            "rotten ones were replaced."
        )
        lines += [f"Not taken in: {line}." for line in one.lacking]
        lines += [f"Note: {line}." for line in one.notes]
    return lines + [f"Given up: {line}." for line in found.accepted]


def _warned(found: Accounts) -> list[str]:
    lines = [f"Missing: {line}." for line in found.missing]
    if found.missing:
        lines.append(f"Nothing is paid until that is settled: {ledger_place.REMEDY}.")
    if found.refusal:
        lines.append(f"Nothing is paid from here: {found.refusal}.")
    return lines
