"""LLMs of unequal `max_validation` through the stages and `slingshot show`: the rows that both answered choose."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slingshot.cli import main as slingshot
from slingshot.files.codes import FAILED, NO_SEED
from slingshot.files.predictions import predictions_frame, write_predictions
from slingshot.files.rows import read_rows
from slingshot.files.storage.json_files import read_json, write_text
from slingshot.files.usage import TimedRun, Usage
from tests.conftest import set_params
from tests.metrics.test_undefined import page, printed, stage, write_rows

TITLES = {"hasty": "Hasty", "steady": "Steady"}


def answers(name: str, asked: int, wrong: Collection[int], wrong_of_test: int) -> None:
    """What an LLM answered: the first `asked` rows of validation, some wrong, and all of test, the first ones wrong.
    The first wrong answer is a refusal."""
    folder, names = Path("data/prepared/toy"), ("bad", "fine", "good")
    parts = []
    for split, places in (("validation", wrong), ("test", range(wrong_of_test))):
        rows = read_rows(folder / f"{split}.parquet")
        rows = rows.iloc[:asked] if split == "validation" else rows
        missed = np.isin(np.arange(len(rows)), list(places))
        prediction = np.where(missed, (rows["label"] + 1) % 3, rows["label"])
        status = np.where(missed & (missed.cumsum() == 1), "refused", "ok")
        prediction[status == "refused"] = FAILED
        held = {"score_source": "none", "prediction": prediction, "status": status.tolist()}
        parts.append(predictions_frame(rows, split, None, **held))
    frame = pd.concat(parts, ignore_index=True)
    write_predictions(
        Path(f"data/predictions/toy/{name}.parquet"), frame, names, fraction=None, train_rows=3
    )
    timed = (TimedRun(NO_SEED, 500, 36, 2.0),)
    usage = Usage("llm", name, {}, 3, asked, None, (), timed, {}, None)
    usage.write(Path(f"data/usage/toy/{name}.json"))


@pytest.fixture
def chosen(project: Path) -> Path:
    """The worse LLM is asked easy rows alone; on these the better one is right throughout."""
    source = {"kind": "file", "file": "toy.csv", "text": "text", "label": "label"}
    llm = {"provider": "causal_lm", "checkpoint": "package:none", "shots": [1], "choose_rows": 12}
    set_params(
        project,
        {
            "study": {"datasets": ["toy"], "models": ["tfidf"], "llms": [*TITLES], "cascades": []},
            "datasets.toy.source": source,
            "models.tfidf": {"family": "tfidf", "c": [1.0], "char_ngrams": [0]},
            "llms": {name: llm | {"title": title} for name, title in TITLES.items()},
        },
    )
    write_rows(project, "toy.csv", 1, good=60, bad=60, fine=60)
    stage("prepare", "toy")
    stage("subsample", "toy")
    stage("finetune", "toy", "tfidf")
    answers("hasty", 12, [3], 20)
    answers("steady", 24, range(12, 20), 2)
    stage("cost", "toy")
    stage("evaluate", "toy")
    write_text(project / "metrics/curve/toy.csv", "experiment\n")
    stage("report")
    return project


def test_easy_first_rows_do_not_win(chosen: Path) -> None:
    scores = {name: read_json(chosen / f"metrics/scores/toy/{name}.json") for name in TITLES}
    figures = {name: one["validation_accuracy"] for name, one in scores.items()}
    assert figures == {"hasty": pytest.approx(11 / 12), "steady": pytest.approx(16 / 24)}
    assert scores["hasty"]["accuracy"] < scores["steady"]["accuracy"]
    pairs = read_json(chosen / "metrics/pairs/toy.json")["validation"]
    assert pairs["hasty"] == {"12": figures["hasty"]}
    assert pairs["steady"] == {"12": 1.0, "24": figures["steady"]}
    verdict = read_json(chosen / "report/verdict.json")["toy"]
    assert (verdict["large"], verdict["shared"]) == ("steady", {"llm": 12})


def test_the_report_says_so(chosen: Path) -> None:
    said = (
        "The LLMs were compared on the 12 validation rows that all of them answered; "
        "some answered more."
    )
    shown = printed(slingshot, ["show"])
    for text in (shown, page(chosen), (chosen / "report/summary.md").read_text()):
        assert said in " ".join(text.split())
