import numpy as np
import pytest

from slingshot.finetune.linear import grid


@pytest.mark.parametrize("present", [(0, 1, 2), (0, 2), (1, 3)])
def test_probabilities_are_those_of_scikit_learn_and_cover_absent_classes(present):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    labels = np.repeat(present, 30)
    features = rng.normal(size=(len(labels), 4)) + labels[:, None]
    (_, _, model), *_ = grid(features, labels, features, labels, 4, [1.0], "accuracy")
    found = model.predict(features)
    expected = LogisticRegression(C=1.0, max_iter=300).fit(features, labels).predict_proba(features)
    np.testing.assert_allclose(found[:, list(present)], expected, atol=1e-9)
    assert (found[:, [c for c in range(4) if c not in present]] == 0).all()
