"""Checks the results after `make repro`: every file of the study exists and has the current format, its figures are
defined, and a second `dvc repro` runs nothing. Exits with 1 at the first error.

    .venv/bin/python .ci/check_results.py
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from slingshot import settings
from slingshot.files import paths
from slingshot.files.audit import Audit
from slingshot.files.cascade import CascadeReport
from slingshot.files.cost import Cost
from slingshot.files.intervals import Intervals
from slingshot.files.pairs import Pairs
from slingshot.files.scores import Scores


def check_contestant(dataset: str, contestant: str) -> None:
    """Exit unless the contestant's files are complete. Reading refuses figures that are not finite."""
    path = paths.scores(dataset, contestant)
    undefined = [metric for metric, value in Scores.read(path).metrics.items() if value is None]
    if undefined:
        sys.exit(f"{path}: undefined: {', '.join(undefined)}")
    Intervals.read(paths.intervals(dataset, contestant))
    path = paths.cost(dataset, contestant)
    if Cost.read(path).cost_per_1000_texts is None:
        sys.exit(f"{path}: no cost_per_1000_texts")


def check_files() -> int:
    """Exit at the first missing or empty result. Returns the number of files in metrics/ that were read."""
    study = settings.load().study
    count = 0
    for dataset in study.datasets:
        Audit.read(paths.audit(dataset))
        Pairs.read(paths.pairs(dataset))
        for contestant in study.contestants:
            check_contestant(dataset, contestant)
        for cascade in study.cascades:
            CascadeReport.read(paths.cascade(dataset, cascade.name))
        count += 2 + 3 * len(study.contestants) + len(study.cascades)
    for name in ("verdict.json", "summary.md", "index.html"):
        if not (paths.REPORT / name).stat().st_size:
            sys.exit(f"report/{name} is empty")
    if (paths.REPORT / "index.html").stat().st_size > 5_000_000:
        sys.exit("report/index.html is larger than 5 MB")
    if not {".svg", ".png"} <= {path.suffix for path in (paths.REPORT / "figures").iterdir()}:
        sys.exit("report/figures lacks its charts")
    return count


def check_second_repro() -> float:
    """Exit if a second `dvc repro` runs a stage. Returns its seconds."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    started = time.perf_counter()
    done = subprocess.run(
        ["dvc", "repro"],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        check=False,
    )
    if done.returncode or "Running stage" in done.stdout or "up to date" not in done.stdout:
        sys.exit(f"the second dvc repro failed or ran a stage:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


if __name__ == "__main__":
    try:
        files = check_files()
    except settings.UserError as error:
        sys.exit(error.message)
    seconds = check_second_repro()
    print(
        f"all {files} metrics files have finite figures; a second dvc repro ran nothing, in {seconds:.1f} s"
    )
