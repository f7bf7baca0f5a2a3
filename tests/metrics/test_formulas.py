"""The formulas against scikit-learn, over any labels, predictions and ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from slingshot.metrics import formulas


@given(st.integers(2, 5), st.integers(1, 40), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_they_are_those_of_scikit_learn_over_the_classes_with_rows(
    classes: int, rows: int, digits: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    labels, predictions = rng.integers(0, classes, rows), rng.integers(-1, classes, rows)
    scores = np.round(rng.dirichlet(np.ones(classes), rows), digits)  # few digits make ties
    present = np.unique(labels)
    over = {"labels": present, "average": "macro", "zero_division": 0}
    assert formulas.balanced_accuracy(labels, predictions) == pytest.approx(
        oracle.recall_score(labels, predictions, **over)
    )
    assert formulas.macro_f1(labels, predictions) == pytest.approx(
        oracle.f1_score(labels, predictions, **over)
    )
    if len(present) > 1:
        areas = [oracle.roc_auc_score(labels == label, scores[:, label]) for label in present]
        assert formulas.auroc(labels, scores) == pytest.approx(np.mean(areas))


def test_an_auroc_of_one_class_or_of_scores_that_are_no_numbers_is_undefined() -> None:
    assert np.isnan(formulas.auroc(np.zeros(3, dtype=int), np.full((3, 2), 0.5)))
    assert np.isnan(formulas.auroc(np.array([0, 1, 1]), np.array([[0.5, np.nan]] * 3)))
