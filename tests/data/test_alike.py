"""When two labels read as one, and when they don't."""

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from slingshot.data.alike import key, twins
from slingshot.data.spelling import as_yaml
from slingshot.files.notes.characters import visible

UNSEEN = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u2060\u2066\ufe0f\ufeff\U000e0100"
BLANKS = " \t\u00a0\u1680\u2002\u2009\u202f\u3000\u2800"
LABELS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORDS = st.lists(
    st.text(st.characters(categories=["L", "P", "S"]), min_size=1), min_size=1, max_size=4
)


@given(LABELS)
def test_what_a_label_reads_as_reads_as_itself(label: str) -> None:
    assert key(key(label)) == key(label)


@given(LABELS, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_the_unicode_form_is_folded(label: str, form: str) -> None:
    assert key(unicodedata.normalize(form, label)) == key(label)


@given(LABELS)
def test_capitals_are_folded(label: str) -> None:
    assert key(label.casefold()) == key(label)
    assert key("".join(c.swapcase() if c.isascii() else c for c in label)) == key(label)


@given(LABELS, st.sampled_from(UNSEEN), st.integers(0, 12))
def test_marks_of_no_width_are_folded(label: str, mark: str, place: int) -> None:
    assert key(label[:place] + mark + label[place:]) == key(label)


@given(WORDS, st.lists(st.text(BLANKS, min_size=1, max_size=3), min_size=5, max_size=5))
def test_blanks_of_any_kind_and_number_are_one(words: list[str], blanks: list[str]) -> None:
    spread = "".join(f"{blank}{word}" for blank, word in zip(blanks, words, strict=False))
    assert key(spread + blanks[-1]) == key(" ".join(words))


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)


@given(DECIMALS, st.integers(0, 3), st.integers(0, 30))
def test_numbers_of_one_value_are_one(number: Decimal, ahead: int, behind: int) -> None:
    sign, digits = "-" if number < 0 else "", f"{number.copy_abs():f}"
    point = "" if "." in digits else "."
    assert key(f"{sign}{'0' * ahead}{digits}{point}{'0' * behind}") == key(f"{sign}{digits}")
    assert Decimal(key(f"{sign}{digits}")) == number


@given(DECIMALS, DECIMALS)
def test_numbers_of_two_values_are_two(one: Decimal, other: Decimal) -> None:
    assert (key(f"{one:f}") == key(f"{other:f}")) == (one == other)


@pytest.mark.parametrize(
    "labels",
    [
        ["+1", "-1", "0", "10", "100", "1e1", "0.1", "1.1", "1,0"],
        ["C", "C++", "C#"],
        ["A", "A+", "A-", "A*"],
        ["urgent", "!urgent", "urgent!", "urgent?"],
        ["R&D", "R D", "RD", "R/D"],
        ["cafe", "café"],
        ["1.0", "1.0.0", "v1"],
        [
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "🏴\U000e0067\U000e0062\U000e0073\U000e007f",
        ],
        ["None", "NA", "nan", "null", ""],
        ["123456789012345678901234567890123", "123456789012345678901234567890124"],
    ],
)
def test_what_is_meant_stays(labels: list[str]) -> None:
    assert len({key(label) for label in labels}) == len(labels)


@pytest.mark.parametrize(
    "labels",
    [
        ["1", "1.0", "1.00", "+1", "01", "1.", "１"],
        ["-1", "\u22121", "-1.0", "－1"],
        ["0", "-0", "0.0", "00"],
        ["\uff30ositive", "positive", "POSITIVE\u200b", " Positive\u00a0"],
        ["ﬁne", "fine"],
        ["straße", "STRASSE"],
        ["very \u2009negative", "very\tnegative"],
    ],
)
def test_what_reads_as_one_is_one(labels: list[str]) -> None:
    assert len({key(label) for label in labels}) == 1


def test_twins_are_the_first_that_read_alike() -> None:
    assert twins(["A", "b ", "c"], ["a", "B", "A"]) == {"A": "a", "b ": "B"}


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("plain café, 日本 C:\\x", "plain café, 日本 C:\\x"),
        ("bug\u200b", r"bug\u200b"),
        ("a\u00a0b", r"a\u00a0b"),
        ("cafe\u0301", r"cafe\u0301"),
        ("\u212a", r"\u212a"),
        ("a\U000e0100", r"a\U000e0100"),
        ("\x1b[31m", r"\u001b[31m"),
        ("\u1112\u1161\u11ab", r"\u1112\u1161\u11ab"),
        ("ﬁ", r"\ufb01"),
    ],
)
def test_what_cannot_be_seen_is_shown(label: str, shown: str) -> None:
    assert visible(label) == shown


@given(st.dictionaries(LABELS, LABELS, min_size=1))
def test_labels_come_back_from_the_yaml_that_is_printed(labels: dict[str, str]) -> None:
    assert YAML(typ="safe").load(as_yaml(labels, [])) == {"labels": labels}
