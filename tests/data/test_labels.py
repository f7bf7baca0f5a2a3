"""Labels: names, their order, and the values that can't be classes."""

import pandas as pd
import pytest

from slingshot.data.labels import encode
from slingshot.settings import UserError


@pytest.mark.parametrize(
    ("values", "labels", "codes", "names"),
    [
        (["b", "a", "b"], None, [1, 0, 1], ["a", "b"]),
        (["10", "9", "-1"], None, [2, 1, 0], ["-1", "9", "10"]),
        (["10", "9", "x"], None, [0, 1, 2], ["10", "9", "x"]),
        (["b", "a"], ["b", "c", "a"], [0, 2], ["b", "c", "a"]),
        (["2", "0", "1"], {"0": "no", "1": "yes", "2": "yes"}, [1, 0, 1], ["no", "yes"]),
        (["0.5", "1.5"], ["1.5", "0.5"], [1, 0], ["1.5", "0.5"]),
    ],
)
def test_names_and_their_order(
    values: list[str], labels: list[str] | dict[str, str] | None, codes: list[int], names: list[str]
) -> None:
    found, order = encode(pd.Series(values), labels)
    assert (found.tolist(), order) == (codes, names)


def test_values_that_labels_does_not_list() -> None:
    with pytest.raises(
        UserError, match=r"does not list 'goood' \(2 rows\), 'x' \(1 rows\), did you mean 'good'\?"
    ):
        encode(pd.Series(["good", "goood", "goood", "x"]), ["bad", "good"])


def test_an_unlisted_value_that_is_like_none_is_to_be_added_or_taken_out() -> None:
    with pytest.raises(
        UserError, match=r"'zz' \(1 rows\) \(known: bad, good\); add it there, or take its rows out"
    ):
        encode(pd.Series(["good", "zz"]), ["bad", "good"])


def test_an_unlisted_value_means_first_the_label_that_it_reads_as() -> None:
    listed = ["positives", "positive", "negative"]
    with pytest.raises(UserError) as raised:
        encode(pd.Series(["odd", "odd", "POSITIVE\u200b\u200b\u200b", "negative"]), listed)
    said = r"does not list 'odd' (2 rows), 'POSITIVE\u200b\u200b\u200b' (1 rows), did you mean 'positive'?"
    assert raised.value.message.endswith(said)  # no mapping, which would make a class of 'odd'


def test_measurements_are_no_classes() -> None:
    with pytest.raises(UserError, match=r"numbers such as 0\.37, which are measurements"):
        encode(pd.Series(["1", "0.37", "2"]), None)
