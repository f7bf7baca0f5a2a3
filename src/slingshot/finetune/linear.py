"""Logistic regression on fixed features: the last part of both baselines. Validation chooses C.

The model is stored as safetensors, never pickled: coefficients (classes, features) and intercepts (classes,).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from scipy.special import softmax

from slingshot.metrics.choosing import primary_score
from slingshot.settings import Primary


class Features(Protocol):
    """Features of shape (rows, features), dense or sparse."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __matmul__(self, other: np.ndarray, /) -> object: ...


class LinearClassifier:
    """Class probabilities as the softmax of a linear function of the features."""

    def __init__(self, coefficients: np.ndarray, intercepts: np.ndarray) -> None:
        self.coefficients, self.intercepts = coefficients, intercepts

    def predict(self, features: Features) -> np.ndarray:
        """Probabilities, shape (rows, classes)."""
        logits = np.asarray(features @ self.coefficients.T) + self.intercepts
        return np.asarray(softmax(logits, axis=1))


def grid(
    train: Features,
    labels: np.ndarray,
    validation: Features,
    truth: np.ndarray,
    classes: int,
    cs: Sequence[float],
    by: Primary,
) -> Iterator[tuple[float, float, LinearClassifier]]:
    """For each C of `cs`: C, the primary metric `by` on validation, and the model that was fitted on train.

    A class without a training row gets probability 0, so that every model covers every class.
    """
    for c in cs:
        model = _fit(train, labels, classes, c)
        yield c, primary_score(by, truth, model.predict(validation)), model


def _fit(features: Features, labels: np.ndarray, classes: int, c: float) -> LinearClassifier:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # The warning is not needed: validation judges the fit, whether it converged or not.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = LogisticRegression(C=c, max_iter=300).fit(features, labels)
    coefficients = np.zeros((classes, features.shape[1]))
    intercepts = np.full(classes, -np.inf)
    if len(fitted.classes_) == 2:
        # For two classes scikit-learn has one row of coefficients, that of the second class, and takes its sigmoid.
        # With zeros for the first class the softmax is the same function.
        coefficients[fitted.classes_[1]] = fitted.coef_[0]
        intercepts[fitted.classes_] = [0, fitted.intercept_[0]]
    else:
        coefficients[fitted.classes_], intercepts[fitted.classes_] = fitted.coef_, fitted.intercept_
    return LinearClassifier(coefficients, intercepts)
