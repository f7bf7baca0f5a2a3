"""Logistic regression on fixed features, C chosen on validation: what both baselines end in.

Stored as safetensors, never pickled: coefficients (classes, features) and intercepts (classes,).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from slingshot.metrics.choosing import primary_score
from slingshot.settings import Primary


class Linear:
    """Class probabilities as the softmax of a linear function of the features."""

    def __init__(self, coefficients: np.ndarray, intercepts: np.ndarray) -> None:
        self.coefficients, self.intercepts = coefficients, intercepts

    def predict(self, features: Any) -> np.ndarray:
        """Probabilities, shape (rows, classes), of dense or sparse features (rows, features)."""
        logits = np.asarray(features @ self.coefficients.T) + self.intercepts
        return np.asarray(softmax(logits, axis=1))


def grid(
    train: Any,
    labels: np.ndarray,
    validation: Any,
    truth: np.ndarray,
    classes: int,
    cs: Sequence[float],
    by: Primary,
) -> Iterator[tuple[float, float, Linear]]:
    """For each C: C, the primary metric on validation, and the model fitted on train.

    A class without a training row gets probability 0, so that every model covers every class.
    """
    for c in cs:
        model = _fit(train, labels, classes, c)
        yield c, primary_score(by, truth, model.predict(validation)), model


def _fit(features: Any, labels: np.ndarray, classes: int, c: float) -> Linear:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # validation judges the fit as it stands
        fitted = LogisticRegression(C=c, max_iter=300).fit(features, labels)
    coefficients = np.zeros((classes, features.shape[1]))
    intercepts = np.full(classes, -np.inf)
    if len(fitted.classes_) == 2:  # scikit-learn keeps one row, for the second class
        coefficients[fitted.classes_[1]], intercepts[fitted.classes_] = (
            fitted.coef_[0],
            [0, fitted.intercept_[0]],
        )
    else:
        coefficients[fitted.classes_], intercepts[fitted.classes_] = fitted.coef_, fitted.intercept_
    return Linear(coefficients, intercepts)
