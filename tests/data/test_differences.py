"""What sets texts apart from their family: grams that few hold, grams that few lack, and how many they are."""

import numpy as np

from slingshot.data.differences import differences
from tests.templates import noise, words


def test_texts_that_change_the_same_word_share_keys_and_the_core_has_least_noise() -> None:
    rng = np.random.default_rng(4)
    core = words(rng, 20)
    texts = [" ".join(core)]
    for place in np.repeat(np.arange(1, 19), 2):
        texts.append(" ".join([*core[:place], noise(rng, 6), *core[place + 1 :]]))
    every = np.arange(len(texts))
    key, holder, noisy = differences(texts, every, np.zeros(len(texts), dtype=np.int64), 0.9)
    of_core = set(key[holder == 0])
    own = [set(key[holder == text]) - of_core for text in every]
    for text in range(1, len(texts), 2):  # the two that change the same word, each into another
        assert len(own[text] & own[text + 1]) >= 4
        assert not any(own[text] & own[other] for other in every if abs(other - text) > 4)
    assert noisy.argmin() == 0


def test_a_gram_is_counted_within_its_family() -> None:
    texts = ["one of a kind", "one of a king", "one of a kite", "one of a kiss"]
    own = np.arange(len(texts))
    key, holder, _ = differences(texts, own, own, 0.5)
    assert not len(key) and not len(holder)  # nothing is shared with oneself
    key, holder, _ = differences(texts, own, np.zeros(4, dtype=np.int64), 0.5)
    assert set(holder) == set(own)
