"""Writes a cell's loss and validation curves with DVCLive, as the files that `dvc plots` draws."""

from __future__ import annotations

import shutil
from pathlib import Path

from slingshot.files.usage import Usage


def write(folder: Path, usage: Usage, primary: str) -> None:
    """Write a folder for each seed, with the training loss, and the primary metric on validation after each epoch.

    Both are over the steps of the optimiser. `folder` stays empty for a model that is not trained in steps.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for seed, details in (usage.details or {}).items():
        if "loss" not in details:
            continue
        from dvclive.live import Live  # it loads DVC, and most models have no curve

        with Live(
            str(folder / f"seed{seed}"), dvcyaml=None, report=None, save_dvc_exp=False
        ) as live:
            for step, loss in details["loss"]:
                live.step = step
                live.log_metric("loss", loss)
            for epoch, score in enumerate(details["validation"], 1):
                live.step = epoch * details["steps"]
                live.log_metric(f"validation_{primary}", score)
        # This file repeats the last step in a form that DVC can't plot.
        Path(live.metrics_file).unlink(missing_ok=True)
