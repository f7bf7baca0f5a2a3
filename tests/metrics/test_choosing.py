import numpy as np
import pytest
from sklearn import metrics

from slingshot.metrics.choosing import chosen_by, primary_score, said

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


def test_an_auroc_of_one_class_chooses_nothing_and_accuracy_is_named_in_its_place():
    only = np.zeros(7, dtype=int)
    with pytest.raises(ValueError, match="undefined"):
        primary_score("auroc", only, scores)
    assert chosen_by("auroc", only) == "accuracy"
    assert (
        said("auroc", only, 0.5)
        == "accuracy 0.500 (auroc is undefined, as the rows are of one class)"
    )
    assert chosen_by("auroc", labels) == "auroc" and said("auroc", labels, 0.5) == "auroc 0.500"
    assert chosen_by("macro_f1", only) == "macro_f1"
