"""A cell's loss and validation curves as the files that `dvc plots` draws, written by DVCLive."""

from __future__ import annotations

import shutil
from pathlib import Path

from slingshot.files.usage import Usage


def write(folder: Path, usage: Usage, primary: str) -> None:
    """One folder a training seed, with the training loss and, after each epoch, the primary metric on validation.

    The steps are those of the optimiser. A model that is not trained in steps leaves `folder` empty.
    """
    from dvclive.live import Live

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for seed, details in (usage.details or {}).items():
        if "loss" not in details:
            continue
        with Live(
            str(folder / f"seed{seed}"), dvcyaml=None, report=None, save_dvc_exp=False
        ) as live:
            for step, loss in details["loss"]:
                live.step = step
                live.log_metric("loss", loss)
            for epoch, score in enumerate(details["validation"], 1):
                live.step = epoch * details["steps"]
                live.log_metric(f"validation_{primary}", score)
        Path(live.metrics_file).unlink(
            missing_ok=True
        )  # the last step again, which DVC could not plot
