"""Which labels are several in one, and which only look so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slingshot.data.several import several

SPECIALTIES = [
    "Cardiovascular / Pulmonary",
    "Hematology - Oncology",
    "Allergy / Immunology",
    "IME-QME-Work Comp etc.",
]


@pytest.mark.parametrize(
    ("found", "others"),
    [
        (['["bug", "urgent"]'], ["bug", '["bug"]']),
        (['{"choices": ["bug", "urgent"]}'], ["bug", '{"choices": ["bug"]}', "{}", "[]"]),
        (["['bug', 'urgent']", "('bug', 'ui')"], ["bug"]),
        (["['bug' 'urgent']", "['bug'\n 'ui']"], ["['bug']"]),
        (["[0, 1, 0]"], ["[1]"]),
        (["[bug, ui]"], ["[bug]", "[ui]"]),
        (["a#b", "b#a"], ["a", "c"]),
        (["a|b", "a|c", "b|c"], []),
        (["bug;ui", "bug;api;", "crash; api", "crash;ui"], []),
        (["bug, ui", "bug, urgent"], ["Bug", "UI"]),
        (["red,blue", "blue,green"], ["green"]),
        (["sports#politics", "sports#tech#law"], ["sports", "politics"]),
        (["C#|Java"], ["C#", "Java"]),
        (["a#b", "c#d", "a|c"], ["e"]),
        (["bug|urgent", "bug|minor"], ["question"]),
        (["bug|urgent"], ["bug", "question"]),
    ],
)
def test_labels_in_one(found: list[str], others: list[str]) -> None:
    assert several([*others, *found]) == found


@pytest.mark.parametrize(
    "labels",
    [
        ["C", "C#", "F", "F#", "C++"],
        ["A", "B", "A/B test", "C|D test"],
        [*SPECIALTIES, "Hematology", "Oncology", "Allergy", "Immunology"],
        ["card_arrival", "card_linking", "exchange_rate", "getting_spare_card"],
        ["1 star", "2 stars", "very negative", "negative", "R&D", "R", "D"],
        ["Portland, Oregon", "Portland, Maine", "Salem, Oregon", "Salem, Maine"],
        ["yes", "no", "no, thanks", "other; please specify"],
        ["1,5", "5,1", "1,1", "5,5"],
        ["Ticket #1", "ticket #1", "Bug"],
        ['{"label": "bug", "score": 0.9}', '{"label": "praise", "score": 0.5}'],
        ["[bug", "(draft) bug", "{bug}", "{[1]}", "[" * 10_000, ""],
        ["a,", ",a", ",", "a", "#", "##"],
    ],
)
def test_labels_that_are_one(labels: list[str]) -> None:
    assert several(labels) == []


PARTS = st.sets(st.sampled_from("abcdef"), min_size=1, max_size=3).map(sorted)


@given(st.lists(PARTS, min_size=1, max_size=12), st.sampled_from("#|;,"))
def test_every_combination_of_labels_that_also_stand_alone_is_found(
    rows: list[list[str]], separator: str
) -> None:
    combined = {separator.join(parts) for parts in rows if len(parts) > 1}
    assert set(several([*"abcdef", *combined])) == combined


@given(st.lists(st.text(max_size=12), max_size=12))
def test_what_is_found_is_among_the_labels(labels: list[str]) -> None:
    assert set(several(labels)) <= set(labels)
