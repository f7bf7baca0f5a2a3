"""Near duplicates: what MinHash proposes and exact Jaccard keeps, against every pair compared."""

import random

import numpy as np
import pytest

from slingshot.data import near


def reference(texts: list[str], threshold: float) -> set[tuple[int, int]]:
    sets = [{t[i : i + 5] for i in range(max(len(t) - 4, 1))} for t in texts]
    pairs = ((i, j) for j in range(len(sets)) for i in range(j))
    return {(i, j) for i, j in pairs if len(sets[i] & sets[j]) / len(sets[i] | sets[j]) >= threshold}


def noisy(count: int, seed: int) -> list[str]:
    """Texts of which many are another with a few letters changed; some are a letter or two long."""
    chance = random.Random(seed)
    texts = ["".join(chance.choices("abcdé漢 ", k=chance.choice([1, 2, 4, 5, 6, 40, 150]))) for _ in range(count)]
    for text in texts[: count // 2]:
        letters = list(text)
        for _ in range(chance.randint(1, 4)):
            letters[chance.randrange(len(letters))] = chance.choice("xyz")
        texts.append("".join(letters))
    return sorted(set(texts))


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9, 1.0])
def test_finds_the_pairs_that_comparing_all_finds(threshold: float) -> None:
    texts = noisy(240, seed=3)
    found = {(int(i), int(j)) for i, j in near.near_pairs(texts, threshold)}
    assert found == reference(texts, threshold)
    assert found or threshold == 1.0


def test_blocks_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = noisy(100, seed=4)
    whole = near.near_pairs(texts, 0.6)
    monkeypatch.setattr(near, "BLOCK", 8)
    assert np.array_equal(near.near_pairs(texts, 0.6), whole)


@pytest.mark.parametrize("texts", [[], [""], ["a", "b"]])
def test_nothing_to_compare(texts: list[str]) -> None:
    assert near.near_pairs(texts, 0.9).shape == (0, 2)


def test_thousands_of_texts_from_one_template_stay_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    template = " ".join(f"sentence {number} of a letter that everybody gets" for number in range(20))
    texts = sorted(f"{template} {number:05d}" for number in range(3000))
    compared = []
    exact = near.jaccard
    monkeypatch.setattr(near, "jaccard", lambda texts, pairs: compared.append(len(pairs)) or exact(texts, pairs))
    pairs = near.near_pairs(texts, 0.9)
    assert sum(compared) <= 2 * 16 * len(texts)  # of 4.5 million pairs
    assert len(np.unique(pairs)) == len(texts)  # and yet each is found to have a near one


def test_a_pair_at_the_threshold_is_near() -> None:
    assert near.near_pairs(["abcde", "abcdef"], 0.5).tolist() == [[0, 1]]  # one gram of two in both
    assert near.near_pairs(["abcde", "abcdef"], 0.51).tolist() == []
