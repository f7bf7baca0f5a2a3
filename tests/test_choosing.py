import numpy as np
import pytest
from sklearn import metrics

from slingshot.choosing import primary_score

labels = np.array([0, 0, 1, 1, 2, 2, 2])
scores = np.random.default_rng(0).dirichlet(np.ones(4), 7)
predicted = scores.argmax(axis=1)


@pytest.mark.parametrize(
    ("primary", "expected"),
    [
        ("accuracy", metrics.accuracy_score(labels, predicted)),
        ("balanced_accuracy", metrics.balanced_accuracy_score(labels, predicted)),
        ("macro_f1", metrics.f1_score(labels, predicted, labels=[0, 1, 2], average="macro")),
        ("auroc", np.mean([metrics.roc_auc_score(labels == c, scores[:, c]) for c in range(3)])),
    ],
)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_scores_are_those_of_scikit_learn_over_the_classes_with_rows(primary, expected):
    assert primary_score(primary, labels, scores) == pytest.approx(expected)


def test_auroc_of_one_class_falls_back_to_accuracy():
    only = np.zeros(7, dtype=int)
    assert primary_score("auroc", only, scores) == np.mean(predicted == 0)
