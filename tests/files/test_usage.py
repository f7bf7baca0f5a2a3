"""The usage file comes back as it was written, and anything else is refused by name."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slingshot.files.storage.digests import sha256_file
from slingshot.files.storage.json_files import write_json
from slingshot.files.usage import TimedRun, Usage
from slingshot.settings import UserError

USAGE = Usage(
    kind="model",
    title="MiniLM",
    hardware={"name": "cpu", "cores": 2},
    train_rows=9,
    validation_rows=3,
    model_bytes=10,
    train=(TimedRun(0, 100, 9, 1.5),),
    predict=(TimedRun(0, 50, 6, 0.5),),
    latency={"p50": 0.01, "p95": 0.02, "texts": 100},
    peak_memory_bytes=1000,
)


def test_usage_comes_back(tmp_path: Path) -> None:
    USAGE.write(tmp_path / "u.json")
    assert Usage.read(tmp_path / "u.json") == USAGE
    llm = replace(
        USAGE, kind="llm", train=(), requests=6, llm_tokens={"input": 3}, details={"shots": 4}
    )
    llm.write(tmp_path / "u.json")
    assert Usage.read(tmp_path / "u.json") == llm


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": None}, "not a usage file"),
        ({"train": [{"seed": 0}]}, "not a usage file"),
        ({"validation_rows": ...}, "not a usage file.*validation_rows.*run `dvc repro`"),
        ({"surprise": 1}, "not a usage file.*surprise"),
        (
            {"predict": [{"seed": 0, "tokens": 1, "texts": 1, "seconds": -1}]},
            "seconds must be finite",
        ),
        (
            {"predict": [{"seed": 0, "tokens": 1, "texts": 1, "seconds": 1, "error": -1}]},
            "seconds must be finite",
        ),
    ],
)
def test_broken_usage_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    USAGE.write(tmp_path / "u.json")
    value = json.loads((tmp_path / "u.json").read_text())
    write_json(tmp_path / "u.json", {k: v for k, v in (value | change).items() if v is not ...})
    with pytest.raises(UserError, match=rf"u\.json: {message}"):
        Usage.read(tmp_path / "u.json")


@pytest.mark.parametrize("value", [[], {}, "text"])
def test_usage_that_is_something_else_is_named(tmp_path: Path, value: Any) -> None:
    write_json(tmp_path / "u.json", value)
    with pytest.raises(UserError, match=r"u\.json: not a usage file"):
        Usage.read(tmp_path / "u.json")


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a").startswith("ba7816bf8f01cfea")
