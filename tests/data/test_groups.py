"""Groups: which rows must not be separated."""

import numpy as np
import pandas as pd

from slingshot.data.groups import find, normalise
from tests.templates import mixed

LONG = "the quick brown fox jumps over the lazy dog and then sleeps for the whole long afternoon"


def rows(*items: tuple[str, str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(len(items))],
            "text": [t for t, _ in items],
            "group": [g for _, g in items],
        }
    )


def names(frame: pd.DataFrame, near: float | None = 0.9) -> list[str]:
    return find(frame, near).names.tolist()


def test_case_and_white_space_are_all_that_is_normalised() -> None:
    assert normalise(" Große\u00a0 FREUDE,\n") == "grosse freude,"
    assert names(rows(("A  b", None), ("a B", None), ("a b.", None))) == ["r0", "r0", "r2"]


def test_near_duplicates_join_unless_near_is_null() -> None:
    frame = rows((LONG, None), (LONG + "!", None), ("something else", None))
    assert names(frame) == ["r0", "r0", "r2"]
    assert names(frame, None) == ["r0", "r1", "r2"]
    assert len(find(frame, None).near) == 1
    assert find(frame, None).duplicates.tolist()[0] == find(frame, None).duplicates.tolist()[1]


def test_links_chain_through_texts_and_the_users_groups() -> None:
    frame = rows(
        (LONG, "a"),
        ("other words entirely here", "a"),
        ("other words entirely here", "b"),
        ("last", "b"),
    )
    assert names(frame) == ["r0"] * 4


def test_short_texts_do_not_join_two_of_the_users_groups_but_join_rows_without_one() -> None:
    frame = rows(
        ("great product", "a"),
        ("Great product", "b"),
        ("great product", None),
        ("great product", None),
    )
    found = find(frame, 0.9)
    assert found.names.tolist() == ["r0", "r1", "r2", "r2"]
    assert found.short_not_joined == 1
    assert names(rows(("great product", None), ("Great product", None))) == ["r0", "r0"]


def test_rows_without_a_value_are_not_one_group() -> None:
    assert names(
        rows((LONG, None), ("one two three four", None), ("five six seven eight", "a"))
    ) == ["r0", "r1", "r2"]


def test_the_order_of_the_rows_does_not_change_the_groups_of_templates() -> None:
    frame = rows(*((text, None) for text in mixed(np.random.default_rng(2), 400)))
    shuffled = frame.sample(frac=1, random_state=3)
    groups = pd.Series(names(frame), index=frame["id"])
    again = pd.Series(names(shuffled), index=shuffled["id"])[frame["id"]]
    assert 100 < groups.nunique() < 390
    assert (pd.factorize(groups)[0] == pd.factorize(again)[0]).all()
