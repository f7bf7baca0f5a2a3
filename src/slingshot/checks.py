"""What the commands look at beside params.yaml itself before they run anything, or show anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slingshot.settings import PARAMS, Settings, UserError, read_yaml

LOCK = Path("dvc.lock")


def files(params: Settings) -> None:
    """Raises UserError naming the first data file of the study that is not in data/raw/D."""
    for dataset in params.study.datasets:
        source = params.datasets[dataset].source
        if source.kind in ("vader", "hub"):
            continue
        for key in ("file", "test_file", "text_file", "label_file", "test_text_file", "test_label_file"):
            name = getattr(source, key, None)
            path = Path("data/raw", dataset, name or "")
            if name and not path.is_file():
                # A folder in which git tracks a file can't be added whole.
                added = path if (path.parent / "SOURCE.md").is_file() else path.parent
                raise UserError(
                    f"{PARAMS}: datasets.{dataset}.source.{key}: {path} not found; put it there and run "
                    f"`dvc add {added}` (or `dvc pull`, if it was added before)"
                )


def warnings(params: Settings) -> Iterator[str]:
    """What an LLM of the study can't do, though its stored answers can be replayed."""
    kept = ", ".join(name for name in params.study.datasets if not params.datasets[name].may_leave)
    for name in params.study.llms:
        if kept and params.llms[name].remote:
            yield f"no text of {kept} is sent to {name}, as may_leave is not true."


def report_is_current(values: dict[str, Any]) -> None:
    """Raises UserError where params.yaml has changed since the report: old figures would stand under new names."""
    lock = read_yaml(LOCK) if LOCK.is_file() else {}
    made = lock.get("stages", {}).get("report", {}).get("params", {}).get(str(PARAMS), {})
    changed = [key for key, value in made.items() if values.get(key) != value]
    if changed:
        raise UserError(f"{PARAMS}: {', '.join(changed)} changed since the report was made; run `dvc repro`")
