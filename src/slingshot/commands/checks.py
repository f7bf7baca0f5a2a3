"""The checks of commands before they run or show anything: data files, and whether the report is current."""

from __future__ import annotations

from collections.abc import Iterator

from slingshot.commands import experiments
from slingshot.commands.definitions import Values
from slingshot.commands.revision_files import LockedStage
from slingshot.data import tracked
from slingshot.files import paths
from slingshot.settings import PARAMS, Settings, UserError


def files(settings: Settings) -> None:
    """Raises UserError that names the first data file of the study that is missing in data/raw/D."""
    for name in settings.study.datasets:
        try:
            tracked.check(settings.datasets[name], paths.raw(name))
        except UserError as error:
            raise UserError(f"{PARAMS}: datasets.{name}.{error.message}") from None


def untracked(settings: Settings) -> list[str]:
    """A line about each of the user's own files that a run in a copy of the repository will not find."""
    return [
        line
        for name in settings.study.datasets
        for line in tracked.warnings(settings.datasets[name], paths.raw(name))
    ]


def warnings(settings: Settings) -> Iterator[str]:
    """A line about each file that a queued run will not find, and about each LLM to which some texts may not be sent.

    The stored answers of such an LLM can still be replayed.
    """
    yield from untracked(settings)
    kept = ", ".join(
        name for name in settings.study.datasets if not settings.datasets[name].may_leave
    )
    for name in settings.study.llms:
        if kept and settings.llms[name].remote:
            yield f"no text of {kept} is sent to {name}, as may_leave is not true."


def report_is_current(values: Values) -> None:
    """Raises UserError if params.yaml, with these values, has changed since the report was made.

    Otherwise old figures would be shown under new names. dvc.lock has the values that the stage `report` read.
    """
    report = experiments.workspace().lock.get("report", LockedStage())
    read = report.params.get(str(PARAMS), {})
    changed = [key for key, value in read.items() if values.get(key) != value]
    if changed:
        raise UserError(
            f"{PARAMS}: {', '.join(changed)} changed since the report was made; run `dvc repro`"
        )
