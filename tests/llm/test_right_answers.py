"""An LLM that is always right has accuracy 1, from file to score, whatever the labels and however it spells them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from slingshot.files.storage.json_files import read_json
from stages import evaluate, prepare, shots
from tests.conftest import FILLER
from tests.llm.conftest import Asked

LABELS = {
    "minus": ["-1", "0", "1"],
    "ratings": ["-2", "-1", "0", "1", "2"],
    "grades": ["A*", "A", "A."],
    "capitals": ["US", "us", "!us"],
    "made ids": ["好", "label_0", "1 2", "1_2"],
}
SPELLINGS: dict[str, Callable[[str, str], str]] = {
    "id": lambda label, name: json.dumps({"label": label}),
    "name": lambda label, name: json.dumps({"label": name}),
    "name alone": lambda label, name: f"{name}\n",
}
ENTRY = {
    "source": {"kind": "file", "file": "r.csv", "text": "text", "label": "label"},
    "label_source": "human",
    "licence": "internal",
}


def number_of(text: str) -> str:
    """The number that tells the texts of a file apart."""
    [number] = re.findall(r"case\d+", text)
    return str(number)


def accuracy(asked: Asked, file: Path, entry: dict[str, Any], spelling: str) -> float:
    """The accuracy of an LLM that knows each text's label and finds it in the list of its prompt."""
    copy = asked.root / "data/raw/toy/r.csv"
    copy.parent.mkdir(parents=True)
    shutil.copy(file, copy)
    rows = pd.read_csv(copy, dtype=str, keep_default_na=False)
    names = {number_of(text): name for text, name in zip(rows["text"], rows["label"], strict=True)}

    def right(body: dict[str, Any]) -> str:
        name = names[number_of(body["messages"][-1]["content"][-1]["text"])]
        listed = re.findall(r"^- (\w+)(?: \((.*)\))?$", body["system"][0]["text"], re.MULTILINE)
        [label] = [label for label, description in listed if (description or label) == name]
        return SPELLINGS[spelling](label, name)

    asked.server.answer = right
    asked.set("datasets.toy", entry | {"may_leave": True})
    call(prepare.main, "toy")
    call(shots.main, "toy")
    asked.run()
    asked.set("study", {"datasets": ["toy"], "models": [], "llms": ["claude"], "cascades": []})
    call(evaluate.main, "toy")
    scores = read_json(asked.root / "metrics/scores/toy/claude.json")
    assert scores["coverage"] == 1
    return float(scores["accuracy"])


def call(stage: Any, *arguments: str) -> None:
    done = CliRunner().invoke(stage, list(arguments))
    assert done.exit_code == 0, (done.output, done.exception)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("labels", LABELS.values(), ids=list(LABELS))
def test_a_right_answer_is_right(asked, tmp_path, labels, spelling):
    file = tmp_path / "made.csv"
    texts = [
        f"case{n} " + " ".join(FILLER[(n * step) % len(FILLER)] for step in range(1, 9))
        for n in range(60)
    ]
    pd.DataFrame({"text": texts, "label": (labels * 60)[:60]}).to_csv(file, index=False)
    assert accuracy(asked, file, ENTRY | {"labels": labels}, spelling) == 1


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("case", ["minus", "cpp", "grades2"])
def test_a_right_answer_to_a_real_case_is_right(asked, case, spelling):
    if "SLINGSHOT_CASES" not in os.environ:
        pytest.skip("SLINGSHOT_CASES does not name the folder of the cases")
    folder = Path(os.environ["SLINGSHOT_CASES"])
    entry = read_json(folder / "params.json")[case]
    assert accuracy(asked, folder / case / "r.csv", entry, spelling) == 1
