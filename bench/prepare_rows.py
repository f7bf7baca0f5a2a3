"""Seconds and peak memory of the stage prepare, on as many rows as Yelp-5 has, with texts of similar length.

.venv/bin/python -m bench.prepare_rows WORK_FOLDER [--kind hub] [--rows 650000]

The texts are generated: words have frequencies as in real text (Zipf), on average 134 per text. Some texts are repeated
exactly, and some with one word changed. `hub` serves the same files from 127.0.0.1 like the hub.
"""

import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from tests.hub_server import Hub

ROOT = Path(__file__).resolve().parents[1]
WORDS, SEED, BLOCK = 60_000, 0, 50_000
REPEATED = 0.002
"""Share of the texts that repeat another text, half of them with one word changed."""


def generate(folder: Path, rows: int) -> None:
    """Write train-*.parquet and test.parquet (a thirteenth as many rows), with columns label and text, to `folder`."""
    rng = np.random.default_rng(SEED)
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = np.array(
        ["".join(rng.choice(letters, size=length)) for length in rng.integers(2, 10, size=WORDS)]
    )
    often = 1 / np.arange(2, WORDS + 2)
    often /= often.sum()
    folder.mkdir(parents=True, exist_ok=True)
    parts = [(f"train-{n}.parquet", min(BLOCK, rows - n * BLOCK)) for n in range(-(-rows // BLOCK))]
    for name, count in [*parts, ("test.parquet", rows // 13)]:
        lengths = np.maximum(rng.lognormal(4.5, 0.85, size=count).astype(int), 3)
        drawn = words[rng.choice(WORDS, size=lengths.sum(), p=often)]
        ends = np.cumsum(lengths)
        texts = [
            " ".join(drawn[end - length : end]) for end, length in zip(ends, lengths, strict=True)
        ]
        for copy in rng.choice(count, size=int(count * REPEATED), replace=False):
            text = texts[int(rng.integers(count))]
            texts[copy] = (
                text if rng.random() < 0.5 else f"{text} {words[int(rng.integers(WORDS))]}"
            )
        pq.write_table(
            pa.table({"label": rng.integers(0, 5, size=count), "text": texts}), folder / name
        )


def lay_out(work: Path, kind: str, rows: int) -> None:
    """Make a project in `work` with a `yelp5` that reads the generated files, from data/raw/yelp5 or from the hub."""
    generated = work / f"generated-{rows}"
    if not generated.is_dir():
        generate(generated, rows)
    for name in ("src", "stages"):
        (work / name).unlink(missing_ok=True)
        (work / name).symlink_to(ROOT / name)
    yaml = YAML(typ="safe")
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    source = params["datasets"]["yelp5"]["source"]
    source |= {"file": "train-*", "test_file": "test*"}
    if kind == "file":
        raw = work / "data/raw/yelp5"
        raw.mkdir(parents=True, exist_ok=True)
        pq.write_table(pq.read_table(generated), raw / "all.parquet")
        params["datasets"]["yelp5"]["source"] = {
            "kind": "file",
            "file": "all.parquet",
            "text": "text",
            "label": "label",
        }
    with (work / "params.yaml").open("w", encoding="utf-8") as written:
        yaml.dump(params, written)


@click.command()
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(["file", "hub"]), default="file", show_default=True)
@click.option(
    "--rows",
    default=650_000,
    show_default=True,
    help="Training rows; test has a thirteenth of them.",
)
def main(work: Path, kind: str, rows: int) -> None:
    """Generate the rows in WORK once, and run `python -m stages.prepare yelp5` under peak_memory.py."""
    lay_out(work, kind, rows)
    environment = {**os.environ, "SLINGSHOT_STATE": str((work / "state").absolute())}
    hub = Hub() if kind == "hub" else None
    if hub:
        hub.add("Yelp/yelp_review_full", work / f"generated-{rows}")
        environment |= {"HF_ENDPOINT": hub.url, "HF_HOME": str((work / "hf").absolute())}
    call = [
        sys.executable,
        str(ROOT / "bench/peak_memory.py"),
        sys.executable,
        "-m",
        "stages.prepare",
        "yelp5",
    ]
    subprocess.run(call, cwd=work, env=environment, check=True)
    if hub:
        hub.stop()


if __name__ == "__main__":
    main()
