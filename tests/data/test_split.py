"""Splits and nested order: whole groups, every class where it can be, shares close, prefixes nested."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from slingshot.data.split import assign, nested_order
from slingshot.data.take import first_groups, pool

SHARES = {"test": 0.2, "validation": 0.2}
rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 40)), min_size=1, max_size=120)


def arrays(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([label for label, _ in pairs]), np.array(
        [f"g{group:03d}" for _, group in pairs], dtype=object
    )


@given(rows, st.integers(0, 3))
@hypothesis_settings(max_examples=150, deadline=None)
def test_no_group_is_on_two_sides_and_train_has_every_class(
    pairs: list[tuple[int, int]], seed: int
) -> None:
    labels, groups = arrays(pairs)
    side = assign(labels, groups, SHARES, seed)
    assert pd.Series(side).groupby(groups).nunique().max() == 1
    assert set(labels[side == "train"]) == set(labels)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(0, 3))
@hypothesis_settings(max_examples=150, deadline=None)
def test_a_class_of_three_groups_of_its_own_is_on_all_sides(labels: list[int], seed: int) -> None:
    side = assign(
        np.array(labels),
        np.array([f"g{i}" for i in range(len(labels))], dtype=object),
        SHARES,
        seed,
    )
    for label, count in Counter(labels).items():
        expected = [{"train"}, {"train", "test"}, {"train", "test", "validation"}][
            min(count, 3) - 1
        ]
        assert set(side[np.array(labels) == label]) == expected


@given(rows, st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=60, deadline=None)
def test_row_order_does_not_matter(pairs: list[tuple[int, int]], chance: object) -> None:
    labels, groups = arrays(pairs)
    shuffled = np.array(chance.sample(range(len(pairs)), len(pairs)))  # type: ignore[attr-defined]
    assert (
        assign(labels[shuffled], groups[shuffled], SHARES, 0)
        == assign(labels, groups, SHARES, 0)[shuffled]
    ).all()
    for every_class in (True, False):
        first = groups[nested_order(labels, groups, 0, every_class=every_class)]
        again = groups[shuffled][
            nested_order(labels[shuffled], groups[shuffled], 0, every_class=every_class)
        ]
        assert list(dict.fromkeys(first)) == list(dict.fromkeys(again))


@given(rows, st.integers(0, 3), st.booleans())
@hypothesis_settings(max_examples=100, deadline=None)
def test_the_nested_order_keeps_groups_together(
    pairs: list[tuple[int, int]], seed: int, every_class: bool
) -> None:
    labels, groups = arrays(pairs)
    order = nested_order(labels, groups, seed, every_class=every_class)
    assert sorted(order) == list(range(len(pairs)))
    assert len(list(dict.fromkeys(groups[order]))) == 1 + int(
        (groups[order][1:] != groups[order][:-1]).sum()
    )


@given(rows, st.integers(0, 3))
@hypothesis_settings(max_examples=100, deadline=None)
def test_the_order_to_learn_from_opens_with_every_class(
    pairs: list[tuple[int, int]], seed: int
) -> None:
    labels, groups = arrays(pairs)
    order = nested_order(labels, groups, seed, every_class=True)
    opening = list(dict.fromkeys(groups[order]))[: len(set(labels))]
    assert set(labels[np.isin(groups, opening)]) == set(labels)


def skewed(count: int, per_group: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    labels = chance.choice(5, count, p=[0.5, 0.25, 0.15, 0.07, 0.03])
    return labels, np.array(
        [f"g{i}" for i in chance.integers(0, count // per_group, count)], dtype=object
    )


@pytest.mark.parametrize(
    ("seed", "order"),
    [
        (0, [12, 8, 10, 9, 13, 14, 2, 7, 5, 6, 0, 1, 11, 3, 4, 15]),
        (7, [9, 15, 12, 8, 3, 4, 0, 1, 5, 6, 2, 10, 11, 13, 14, 7]),
    ],
)
def test_the_order_to_learn_from_stays_as_it_was(seed: int, order: list[int]) -> None:
    """Another order would change every prompt's examples, and so pay for every answer again."""
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 0, 1, 2, 0, 0, 3, 0, 1, 0])
    groups = np.array(list("aabccddefghijkkl"), dtype=object)
    assert nested_order(labels, groups, seed, every_class=True).tolist() == order


@pytest.mark.parametrize("every_class", [True, False])
@pytest.mark.parametrize(("per_group", "within"), [(1, 6), (8, 30)])
def test_every_prefix_is_nearly_stratified(per_group: int, within: int, every_class: bool) -> None:
    labels, groups = skewed(3000, per_group, 1)
    ordered = labels[nested_order(labels, groups, 0, every_class=every_class)]
    counts = np.cumsum(np.eye(5)[ordered], axis=0)
    expected = np.arange(1, 3001)[:, None] * np.bincount(labels) / 3000
    assert np.abs(counts - expected).max() <= within  # rows; a random order is off by some 50


CLASSES = 150
ZIPF = 1 / np.arange(1, CLASSES + 1)
EQUAL = np.ones(CLASSES)


def many_classes(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of CLASSES classes and the number of each row's group."""
    chance = np.random.default_rng(seed)
    weights = EQUAL if kind == "equal" else ZIPF
    count = 1500
    labels = chance.choice(CLASSES, count, p=weights / weights.sum())
    if kind == "rare":  # one to three rows a class
        labels = np.repeat(np.arange(CLASSES), chance.integers(1, 4, CLASSES))
    if kind == "copies":  # near duplicates of one label: most texts alone, few of them often
        sizes = chance.geometric(0.6, count)
        return np.repeat(labels, sizes), np.repeat(np.arange(count), sizes)
    if kind == "copies of four":
        return np.repeat(labels, 4), np.repeat(np.arange(count), 4)
    if kind.startswith("mixed"):  # such as the sentences of one review
        return labels, chance.integers(0, count // int(kind.split()[1]), count)
    return labels, np.arange(len(labels))


def distances(labels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Total variation distance of the first N rows' class shares to those of all, for N = 1, 2, ..."""
    held = np.cumsum(np.eye(CLASSES)[labels[order]], axis=0)
    return np.asarray(
        np.abs(held / np.arange(1, len(order) + 1)[:, None] - held[-1] / len(order)).sum(axis=1) / 2
    )


@pytest.mark.parametrize(
    ("kind", "at_150"),
    [
        ("zipf", 0.29),
        ("equal", 0.29),
        ("rare", 0.29),
        ("copies", 0.29),
        ("mixed 4", 0.29),
        ("mixed 12", 0.29),
        ("copies of four", None),  # 38 groups can't hold 150 classes
    ],
)
def test_the_first_rows_to_measure_on_are_as_fair_as_a_random_sample(
    kind: str, at_150: float | None
) -> None:
    ours, by_chance = [], []
    for seed in range(4):
        labels, groups = many_classes(kind, seed)
        names = np.array([f"g{i:06d}" for i in groups], dtype=object)
        ours.append(distances(labels, nested_order(labels, names, seed, every_class=False)))
        chance = np.random.default_rng(seed)
        for _ in range(10):  # whole groups, as ours are
            place = chance.permutation(groups.max() + 1)[groups]
            by_chance.append(distances(labels, np.argsort(place, kind="stable")))
    least = min(map(len, ours + by_chance))
    mean, expected = (np.mean([one[:least] for one in held], axis=0) for held in (ours, by_chance))
    assert (
        mean[9:] <= expected[9:] + 1e-9
    ).all()  # under ten rows both are near 1, and luck decides
    if at_150 is not None:
        assert max(one[149] for one in ours) <= at_150


@pytest.mark.parametrize("per_group", [1, 8])
def test_sides_hold_their_share_of_each_class(per_group: int) -> None:
    labels, groups = skewed(3000, per_group, 2)
    side = assign(labels, groups, SHARES, 0)
    shares = pd.crosstab(labels, side, normalize="index")
    assert shares["test"].sub(0.2).abs().max() < 0.05
    assert shares["validation"].sub(0.2).abs().max() < 0.05


def test_seeds_differ_and_a_new_row_moves_little() -> None:
    labels, groups = skewed(2000, 1, 3)
    groups = np.array([f"row{i}" for i in range(2000)], dtype=object)
    before = assign(labels, groups, SHARES, 0)
    assert (before != assign(labels, groups, SHARES, 1)).mean() > 0.3
    after = assign(np.append(labels, 0), np.append(groups, "new"), SHARES, 0)[:-1]
    assert (before != after).mean() < 0.01


def named(sizes: list[int]) -> np.ndarray:
    return np.array(
        [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)], dtype=object
    )


@pytest.mark.parametrize("kind", ["of one label", "of all labels"])
@pytest.mark.parametrize(
    ("large", "wanted"), [([350], 200), ([240, 240, 240], 140), ([100] * 6, 200)]
)
def test_large_groups_go_to_train_and_the_others_fill_the_sides(
    large: list[int], wanted: int, kind: str
) -> None:
    groups = named([*large, *[1] * (1000 - sum(large))])
    labels = np.arange(1000) % 3 * ((np.arange(1000) >= sum(large)) | (kind == "of all labels"))
    for seed in range(5):
        side = assign(labels, groups, SHARES, seed)
        assert set(side[: sum(large)]) == {"train"}
        for name in SHARES:
            assert (side == name).sum() == pytest.approx(wanted, abs=3)


@pytest.mark.parametrize(
    ("size", "dealt"), [(40, True), (41, False)]
)  # a fifth of the 200 rows of a side, and more
def test_a_group_may_take_its_share_of_a_side_and_no_more(size: int, dealt: bool) -> None:
    groups = named([size, *[1] * (1000 - size)])
    sides = {assign(np.zeros(1000, dtype=int), groups, SHARES, seed)[0] for seed in range(30)}
    assert sides == ({"train", "validation", "test"} if dealt else {"train"})


singles = st.lists(st.integers(3, 40), min_size=1, max_size=3)
others = st.lists(st.tuples(st.integers(1, 80), st.integers(0, 3)), max_size=8)


@given(singles, others, st.integers(0, 3))
@hypothesis_settings(max_examples=150, deadline=None)
def test_no_group_takes_more_than_it_may(
    singles: list[int], others: list[tuple[int, int]], seed: int
) -> None:
    """Each class has three groups of a row, so that no side needs a large one for a class."""
    sizes = [1] * sum(singles) + [size for size, _ in others]
    groups = named(sizes)
    labels = np.repeat(np.arange(len(singles)), singles)
    for size, label in others:  # of one class, or of all by turns
        of_group = np.arange(size) if label == 3 else np.full(size, label)
        labels = np.append(labels, of_group % len(singles))
    side = assign(labels, groups, SHARES, seed)
    assert set(side) == {"train", "validation", "test"}
    assert pd.Series(side).groupby(groups).nunique().max() == 1
    enough = next(
        most
        for most in sorted(sizes)
        if sum(size for size in sizes if size <= most) >= 0.2 * len(labels)
    )
    for name in SHARES:
        assert Counter(groups[side == name]).most_common(1)[0][1] <= max(
            0.2 * 0.2 * len(labels), enough
        )


def test_a_class_of_large_groups_is_on_all_sides() -> None:
    labels = np.repeat([0, 1], [300, 700])
    groups = named([100] * 3 + [1] * 700)
    assert set(assign(labels, groups, SHARES, 0)[:300]) == {"train", "validation", "test"}


def test_where_all_groups_are_large_the_smallest_are_dealt() -> None:
    sizes = [190, 60, 210, 110, 190, 90, 150]  # half of what both sides are to have: 60 + 90 + 110
    for seed in range(5):
        side = assign(np.zeros(1000, dtype=int), named(sizes), SHARES, seed)
        assert set(named(sizes)[side != "train"]) == {"g1", "g3", "g5"}
        assert {"test", "validation"} < set(side)


def frame(pairs: list[tuple[int, int]]) -> pd.DataFrame:
    labels, groups = arrays(pairs)
    order = nested_order(labels, groups, 0, every_class=True)
    return pd.DataFrame({"label": labels[order], "group": groups[order], "row": order})


@given(rows, st.integers(0, 130), st.integers(0, 130))
@hypothesis_settings(max_examples=150, deadline=None)
def test_a_fraction_is_whole_groups_nested_and_keeps_every_class(
    pairs: list[tuple[int, int]], a: int, b: int
) -> None:
    train = frame(pairs)
    small, large = (first_groups(train, count, every_class=True) for count in sorted((a, b)))
    assert set(small["row"]) <= set(large["row"])
    assert set(small["label"]) == set(train["label"])
    assert not set(small["group"]) & set(train["group"].iloc[len(small) :])
    least = int(np.flatnonzero(~train["label"].duplicated())[-1])
    if len(small) > min(a, b):  # only to reach the last class, or one group at least
        assert small["group"].iloc[-1] == train["group"].iloc[least]


@given(rows, st.integers(1, 130))
@hypothesis_settings(max_examples=80, deadline=None)
def test_a_cap_holds_and_the_next_group_would_break_it(
    pairs: list[tuple[int, int]], cap: int
) -> None:
    test = frame(pairs)
    kept = first_groups(test, cap, every_class=False)
    sizes = test.groupby("group", sort=False).size().tolist()
    assert len(kept) <= cap or len(kept) == sizes[0]
    if len(kept) < len(test):
        assert len(kept) + sizes[kept["group"].nunique()] > cap


def test_a_pool_is_the_first_rows_and_one_of_each_class() -> None:
    train = pd.DataFrame({"label": [0, 0, 1, 0, 0, 2, 2], "group": list("abcdefg")})
    assert pool(train, 2).index.tolist() == [0, 1, 2, 5]
    assert pool(train, 99).index.tolist() == list(range(7))


@pytest.mark.parametrize("groups", [4, 5, 8])
def test_a_group_that_brings_all_classes_is_enough(groups: int) -> None:
    """Few large groups of all classes: each side takes its share, not a group for each class that it lacked."""
    labels = np.tile([0, 1, 2, 3], 25 * groups)
    names = np.repeat([f"customer {n}" for n in range(groups)], 100)
    side = assign(labels, names, {"test": 0.2, "validation": 0.2}, 0)
    for name in SHARES:
        assert 0 < (side == name).sum() < 0.2 * len(names) + 100
