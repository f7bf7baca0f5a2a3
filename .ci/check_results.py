"""After `make repro`: every file of the study is there, its figures are finite, and a second
`dvc repro` runs nothing. Exits 1 with the first thing that is wrong.

    .venv/bin/python .ci/check_results.py
"""

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slingshot import settings
from slingshot.files.storage.json_files import read_json


def numbers(value: Any, where: str) -> Iterator[tuple[str, float]]:
    """Every number below `value`, with the path to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{where}.{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from numbers(inner, f"{where}[{place}]")
    elif isinstance(value, float | int) and not isinstance(value, bool):
        yield where, value


def check_file(path: Path, *needed: str) -> None:
    content = read_json(path)
    found = list(numbers(content, str(path)))
    wrong = [where for where, number in found if not math.isfinite(number)]
    lacking = [key for key in needed if not isinstance(content.get(key), float | int)]
    if not found or wrong or lacking:
        sys.exit(f"{path}: figures are not finite: {wrong}; not numbers: {lacking}")


def check_files() -> int:
    study = settings.load()
    count = 0
    for dataset in study.study.datasets:
        check_file(Path("metrics/audit", f"{dataset}.json"))
        check_file(Path("metrics/pairs", f"{dataset}.json"))
        for contestant in study.study.contestants:
            scores = (
                "accuracy",
                "balanced_accuracy",
                "macro_f1",
                "auroc",
                "log_loss",
                "brier",
                "ece",
                "coverage",
            )
            check_file(Path("metrics/scores", dataset, f"{contestant}.json"), *scores)
            check_file(Path("metrics/intervals", dataset, f"{contestant}.json"))
            check_file(Path("metrics/cost", dataset, f"{contestant}.json"), "cost_per_1000_texts")
            count += 3
        for cascade in study.study.cascades:
            check_file(Path("metrics/cascade", dataset, f"{cascade.name}.json"))
        count += 2 + len(study.study.cascades)
    for name in ("verdict.json", "summary.md", "index.html"):
        if not Path("report", name).stat().st_size:
            sys.exit(f"report/{name} is empty")
    if Path("report/index.html").stat().st_size > 5_000_000:
        sys.exit("report/index.html is larger than 5 MB")
    if not {".svg", ".png"} <= {path.suffix for path in Path("report/figures").iterdir()}:
        sys.exit("report/figures lacks its charts")
    return count


def check_second_repro() -> float:
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
        sys.exit(f"the second dvc repro was not idle:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


if __name__ == "__main__":
    files = check_files()
    seconds = check_second_repro()
    print(
        f"{files} metrics files hold finite figures; a second dvc repro ran nothing, in {seconds:.1f} s"
    )
