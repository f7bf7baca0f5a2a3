"""The files that `dvc plots` and the report draw."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from slingshot.files import paths
from slingshot.files.codes import FAILED_NAME
from slingshot.metrics import plots, scores
from slingshot.metrics.scaling import temperature_scaled
from slingshot.metrics.scored import Scored

Maker = Callable[..., Scored]
LABELS = ("bad", "fine", "good")


def test_confusion_counts_every_row_of_every_seed_and_failed_ones_apart(contestant: Maker) -> None:
    one = contestant(count=90, seeds=(0, 1), failed=4)
    frame = plots.confusion(one, LABELS)
    counts = pd.crosstab(frame["actual"], frame["predicted"])
    expected = sum(
        confusion_matrix(one.labels, run.predictions, labels=[0, 1, 2]) for run in one.runs
    )
    np.testing.assert_array_equal(counts.loc[list(LABELS), list(LABELS)].to_numpy(), expected)
    assert counts[FAILED_NAME].sum() == 8


def test_reliability_holds_the_ece_and_scaling_changes_it(
    contestant: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = contestant(count=200)
    frame = plots.reliability(one, 15)
    gaps = (frame["accuracy"] - frame["confidence"]).abs() * frame["rows"]
    run = one.runs[0]
    ece = scores.Ece(15).figures(run.predictions, run.scores, one.labels)["ece"]
    assert gaps.sum() / frame["rows"].sum() == pytest.approx(ece)
    scaling, _ = temperature_scaled(one, contestant(count=80))
    plots.write("toy", "one", one, scaling.scored, LABELS, 15)
    predicted, scaled = (
        pd.read_csv(paths.plot("toy", kind, "one")) for kind in ("reliability", "scaled")
    )
    assert predicted["rows"].sum() == scaled["rows"].sum() == 200
    assert not np.array_equal(predicted.to_numpy(), scaled.to_numpy())


def test_risk_ends_at_the_error_rate_and_is_low_where_the_model_is_sure(contestant: Maker) -> None:
    one = contestant(count=400, skill=9, seeds=(0, 1))
    frame = plots.risk(one)
    wrong = np.mean([run.predictions != one.labels for run in one.runs])
    assert frame["coverage"].iloc[-1] == 1
    assert frame["risk"].iloc[-1] == pytest.approx(wrong)
    assert frame["risk"].iloc[4] < wrong


def test_rows_of_equal_confidence_share_their_mistakes_whatever_their_order(
    contestant: Maker,
) -> None:
    from dataclasses import replace

    one = contestant(count=120)
    flat = np.full((120, 3), 1 / 3)
    frame = plots.risk(replace(one, runs=(replace(one.runs[0], scores=flat),)))
    wrong = np.mean(one.runs[0].predictions != one.labels)
    np.testing.assert_allclose(frame["risk"], wrong)


def test_without_scores_there_is_a_confusion_and_only_headers_beside_it(
    contestant: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plots.write("toy", "one", contestant(source="none"), None, LABELS, 15)
    assert len(pd.read_csv(paths.plot("toy", "confusion", "one"))) == 60
    assert paths.plot("toy", "risk", "one").read_text() == "coverage,risk\n"
    for kind in ("reliability", "scaled"):
        assert paths.plot("toy", kind, "one").read_text() == "confidence,accuracy,rows\n"
