import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slingshot.pretrained.batching import prediction_batches, training_batches

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=200)


@given(LENGTHS, st.integers(1, 40), st.integers(0, 5))
def test_an_epoch_sees_every_row_once(lengths, size, epoch):
    batches = training_batches(lengths, size, 7, epoch)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert max(map(len, batches)) <= size
    assert len(batches) == len(training_batches(lengths, size, 7, epoch + 1))


def test_batches_depend_on_seed_and_epoch_alone():
    lengths = list(np.random.default_rng(0).integers(5, 50, 300))
    first = [batch.tolist() for batch in training_batches(lengths, 16, 1, 0)]
    assert first == [batch.tolist() for batch in training_batches(lengths, 16, 1, 0)]
    assert first != [batch.tolist() for batch in training_batches(lengths, 16, 1, 1)]
    assert first != [batch.tolist() for batch in training_batches(lengths, 16, 2, 0)]


@given(LENGTHS, st.integers(1, 2000))
def test_prediction_batches_hold_every_row_within_the_budget(lengths, budget):
    batches = prediction_batches(lengths, budget)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= budget


def test_short_rows_stand_with_short_ones():
    lengths = [10, 200] * 400
    padded = sum(len(b) * max(lengths[r] for r in b) for b in training_batches(lengths, 32, 0, 0))
    assert padded < 1.1 * sum(lengths)
