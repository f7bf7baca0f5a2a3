"""What the commands look at beside params.yaml itself before they run anything, or show anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slingshot.data import tracked
from slingshot.files import paths
from slingshot.settings import PARAMS, Settings, UserError, read_yaml

LOCK, RAW = Path("dvc.lock"), paths.DATA / "raw"


def files(settings: Settings) -> None:
    """Raises UserError naming the first data file of the study that is not in data/raw/D."""
    for name in settings.study.datasets:
        try:
            tracked.check(settings.datasets[name], RAW / name)
        except UserError as error:
            raise UserError(f"{PARAMS}: datasets.{name}.{error.message}") from None


def untracked(settings: Settings) -> list[str]:
    """What to do about own files of the study that a run in a copy of the repository will not find."""
    return [
        line
        for name in settings.study.datasets
        for line in tracked.warnings(settings.datasets[name], RAW / name)
    ]


def warnings(settings: Settings) -> Iterator[str]:
    """Own files that a queued run will not find; what an LLM can't do, though its stored answers can be replayed."""
    yield from untracked(settings)
    kept = ", ".join(
        name for name in settings.study.datasets if not settings.datasets[name].may_leave
    )
    for name in settings.study.llms:
        if kept and settings.llms[name].remote:
            yield f"no text of {kept} is sent to {name}, as may_leave is not true."


def report_is_current(values: dict[str, Any]) -> None:
    """Raises UserError where params.yaml has changed since the report: old figures would stand under new names."""
    lock = read_yaml(LOCK) if LOCK.is_file() else {}
    made = lock.get("stages", {}).get("report", {}).get("params", {}).get(str(PARAMS), {})
    changed = [key for key, value in made.items() if values.get(key) != value]
    if changed:
        raise UserError(
            f"{PARAMS}: {', '.join(changed)} changed since the report was made; run `dvc repro`"
        )
