"""Near duplicates: what is proposed and exact Jaccard keeps, against every pair compared."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from slingshot.data import differences, near
from tests.templates import KINDS, Make, all_pairs, copied_tails, front


def reference(texts: list[str], threshold: float) -> np.ndarray:
    sets = [{t[i : i + 5] for i in range(max(len(t) - 4, 1))} for t in texts]
    pairs = ((i, j) for j in range(len(sets)) for i in range(j))
    near = [
        (i, j) for i, j in pairs if len(sets[i] & sets[j]) / len(sets[i] | sets[j]) >= threshold
    ]
    return np.array(near, dtype=np.int64).reshape(-1, 2)


def noisy(count: int, seed: int) -> list[str]:
    """Texts of which many are another with a few letters changed; some are a letter or two long."""
    chance = random.Random(seed)
    texts = [
        "".join(chance.choices("abcdé漢 ", k=chance.choice([1, 2, 4, 5, 6, 40, 150])))
        for _ in range(count)
    ]
    for text in texts[: count // 2]:
        letters = list(text)
        for _ in range(chance.randint(1, 4)):
            letters[chance.randrange(len(letters))] = chance.choice("xyz")
        texts.append("".join(letters))
    return sorted(set(texts))


def made(kind: str, count: int) -> list[str]:
    return sorted(set(KINDS[kind](np.random.default_rng(7), count)))


def pair_set(pairs: np.ndarray) -> set[tuple[int, int]]:
    return {(int(i), int(j)) for i, j in pairs}


def same_parts(pairs: np.ndarray, others: np.ndarray, count: int) -> bool:
    """Whether both join `count` texts into the same components."""
    return np.array_equal(near.components(pairs, count), near.components(others, count))


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9, 1.0])
def test_joins_what_comparing_all_joins(threshold: float) -> None:
    texts = noisy(240, seed=3)
    found, every = near.near_pairs(texts, threshold), reference(texts, threshold)
    assert pair_set(found) <= pair_set(every)
    assert same_parts(found, every, len(texts))
    assert len(found) or threshold == 1.0
    assert pair_set(every) == pair_set(all_pairs(texts, threshold))


@hypothesis_settings(deadline=None)
@given(st.sets(st.text("ab ", max_size=24), max_size=near.SMALL))
def test_few_texts_are_joined_as_by_comparing_all(drawn: set[str]) -> None:
    texts = sorted(drawn)
    found, every = near.near_pairs(texts, 0.8), reference(texts, 0.8)
    assert pair_set(found) <= pair_set(every)
    assert same_parts(found, every, len(texts))


@hypothesis_settings(deadline=None)
@given(st.sets(st.text("abcdefgh", max_size=8), min_size=12, max_size=40))
def test_tails_of_one_template_are_joined_as_by_comparing_all(tails: set[str]) -> None:
    core = "a template of some words, each of which stands in it but once."
    texts = sorted(core + tail for tail in tails)
    found, every = near.near_pairs(texts, 0.9), reference(texts, 0.9)
    assert pair_set(found) <= pair_set(every)
    assert same_parts(found, every, len(texts))


@pytest.mark.parametrize("kind", KINDS)
def test_near_texts_of_a_template_are_joined(kind: str) -> None:
    texts = made(kind, 1200)
    found, every = near.near_pairs(texts, 0.9), all_pairs(texts, 0.9)
    assert pair_set(found) <= pair_set(every)
    component = near.components(found, len(texts))[every]
    assert np.mean(component[:, 0] == component[:, 1]) >= 0.995
    assert len(every) >= 100
    assert (
        np.isin(every, found).mean() >= 0.99
    )  # which the audit counts as rows with near duplicates


def test_blocks_do_not_change_what_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = made("all mixed", 600)
    whole = near.components(near.near_pairs(texts, 0.9), len(texts))
    monkeypatch.setattr(near, "BLOCK", 64)
    monkeypatch.setattr(differences, "BLOCK", 64)
    monkeypatch.setattr(near, "PART", 1000)
    assert np.array_equal(near.components(near.near_pairs(texts, 0.9), len(texts)), whole)


@pytest.mark.parametrize("texts", [[], [""], ["a", "b"]])
def test_nothing_to_compare(texts: list[str]) -> None:
    assert near.near_pairs(texts, 0.9).shape == (0, 2)


@pytest.mark.parametrize(("make", "most"), [(front, 2), (copied_tails, 70)])
def test_thousands_of_texts_from_one_template_stay_linear(
    make: Make, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    exact = near.jaccard
    monkeypatch.setattr(
        near, "jaccard", lambda texts, pairs: compared.append(len(pairs)) or exact(texts, pairs)
    )
    texts = sorted(make(np.random.default_rng(1), 3000))
    near.near_pairs(texts, 0.9)
    assert sum(compared) <= most * len(texts)  # of 4.5 million pairs


def test_a_pair_at_the_threshold_is_near() -> None:
    assert near.near_pairs(["abcde", "abcdef"], 0.5).tolist() == [[0, 1]]  # one gram of two in both
    assert near.near_pairs(["abcde", "abcdef"], 0.51).tolist() == []
