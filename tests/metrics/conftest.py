"""Contestants made of random predictions, in memory or as the files of one data set."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slingshot.files.codes import FAILED
from slingshot.files.labels import Labels
from slingshot.files.predictions import predictions_frame, write_predictions
from slingshot.files.rows import write_rows
from slingshot.files.usage import TimedRun, Usage
from slingshot.metrics.scored import Scored, scored


def make_rows(
    count: int, classes: int, *, per_group: int = 1, tag: str = "t", seed: int = 0
) -> pd.DataFrame:
    labels = np.random.default_rng(seed).integers(0, classes, count)
    labels[:classes] = np.arange(classes)
    return pd.DataFrame(
        {
            "id": [f"{tag}{i:05d}" for i in range(count)],
            "text": "x",
            "label": labels,
            "group": [f"{tag}{i // per_group}" for i in range(count)],
            "order": np.arange(count),
        }
    )


def make_scores(labels: pd.Series, classes: int, *, skill: float, seed: int) -> np.ndarray:
    """Probabilities on a grid of tenths, so that ties are many; higher skill, higher accuracy."""
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(10, np.full(classes, 1 / classes), size=len(labels)).astype(
        float
    )
    counts[np.arange(len(labels)), labels] += np.round(skill * generator.random(len(labels)))
    return counts / counts.sum(axis=1, keepdims=True)


def make_frame(
    rows: pd.DataFrame,
    classes: int,
    *,
    split: str = "test",
    skill: float = 3,
    seeds: tuple[int, ...] = (0,),
    failed: int = 0,
    source: str = "softmax",
) -> pd.DataFrame:
    """Predictions of every seed; the first `failed` rows have no valid answer and no scores."""
    parts = []
    for seed in seeds:
        scores = make_scores(rows["label"], classes, skill=skill, seed=100 + seed)
        status = np.where(np.arange(len(rows)) < failed, "refused", "ok")
        prediction = np.where(status == "ok", scores.argmax(axis=1), FAILED)
        part = predictions_frame(
            rows,
            split,
            scores,
            seed=seed,
            score_source=source,
            prediction=prediction,
            status=status.tolist(),
        )
        lost = (part["status"] != "ok") | (source == "none")
        part["scores"] = part["scores"].where(~lost, None)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def predicted() -> Callable[..., pd.DataFrame]:
    """The predictions frame of `count` test rows."""

    def make(
        count: int = 60, classes: int = 3, *, per_group: int = 1, **options: Any
    ) -> pd.DataFrame:
        return make_frame(make_rows(count, classes, per_group=per_group), classes, **options)

    return make


@pytest.fixture
def contestant(predicted: Callable[..., pd.DataFrame]) -> Callable[..., Scored]:
    """A contestant on `count` test rows, of which `per_group` share a group."""

    def make(count: int = 60, classes: int = 3, **options: Any) -> Scored:
        return scored(Path("p.parquet"), predicted(count, classes, **options), classes)["test"]

    return make


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the stages run: data set `tweets` with predictions of every contestant."""
    root = Path(__file__).parents[2]
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.chdir(tmp_path)
    params = (root / "params.yaml").read_text(encoding="utf-8")
    params = params.replace(
        "cascades: []", "cascades: [{name: cascade, small: minilm, large: gemma}]"
    )
    (tmp_path / "params.yaml").write_text(params, encoding="utf-8")
    validation, test = make_rows(40, 3, tag="v", seed=1), make_rows(120, 3)
    write_rows(Path("data/prepared/tweets/validation.parquet"), validation)
    write_rows(Path("data/prepared/tweets/test.parquet"), test)
    Labels(("a", "b", "c"), (9, 9, 9)).write(Path("data/prepared/tweets/labels.json"))
    for name, skill, seeds in (("tfidf", 1, (-1,)), ("frozen", 3, (-1,)), ("minilm", 12, (0, 1))):
        parts = [
            make_frame(r, 3, split=s, skill=skill, seeds=seeds)
            for r, s in ((validation, "validation"), (test, "test"))
        ]
        _write(name, pd.concat(parts), fraction=0.5, train_rows=77)
    few = make_frame(validation.head(10), 3, split="validation", seeds=(-1,), source="none")
    _write(
        "gemma",
        pd.concat([few, make_frame(test, 3, seeds=(-1,), source="none")]),
        fraction=None,
        train_rows=12,
    )
    for name, seeds, rows in (
        *((name, (-1,), 77) for name in ("tfidf", "frozen")),
        ("minilm", (0, 1), 77),
        ("gemma", (-1,), 12),
    ):
        runs = tuple(TimedRun(seed, 5_000, 160, 2.0) for seed in seeds)
        Usage("model", name, {}, rows, 0, None, (), runs, {}, None).write(
            Path(f"data/usage/tweets/{name}.json")
        )
    return tmp_path


def _write(name: str, frame: pd.DataFrame, *, fraction: float | None, train_rows: int) -> None:
    path = Path(f"data/predictions/tweets/{name}.parquet")
    write_predictions(path, frame, ("a", "b", "c"), fraction=fraction, train_rows=train_rows)
