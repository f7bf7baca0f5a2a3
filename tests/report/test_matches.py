"""What is said of the labels with which a model matches an LLM."""

import pytest

from slingshot.metrics.matching import Match
from slingshot.report import matches

TITLES = {"frozen": "frozen", "gemma": "Gemma 3 270m"}


def match(**figures: object) -> Match:
    return Match("frozen", "gemma", **figures)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (match(rows=326, low=249, high=471), "(95% interval 249 to 471)"),
        (match(rows=326, high=471), "(95% interval up to 471)"),
        (match(rows=1041, low=568), "(95% interval 568 or more)"),
        (match(rows=326), "(95% interval wider than the curve)"),
        (
            match(rows=326, no_interval="few_seeds"),
            "(no interval, because that takes 3 training seeds or 4 numbers of training rows)",
        ),
    ],
)
def test_a_number_of_labels_has_its_interval_or_the_reason_for_none(row: Match, said: str) -> None:
    words = matches.words(row, TITLES, 840)
    assert words == (
        f"frozen matches Gemma 3 270m with about {row.rows:,} training labels {said}, "
        "plus 840 validation labels."
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            match(reason="ahead", edge=158),
            "frozen already beats Gemma 3 270m with 158 labels, the fewest tried.",
        ),
        (
            match(reason="behind", edge=2520),
            "frozen is still behind Gemma 3 270m with 2,520 labels, the most tried.",
        ),
        (
            match(reason="perhaps_ahead", edge=158),
            "frozen scores above Gemma 3 270m with 158 labels, the fewest tried, but the difference is within noise.",
        ),
        (
            match(reason="perhaps_behind", edge=2520, no_interval="no_spread"),
            "frozen scores below Gemma 3 270m with 2,520 labels, the most tried, but there is no interval, because "
            "the spread of their difference on test is not known.",
        ),
        (
            match(reason="few_levels"),
            "frozen was trained on one number of rows only, so no match with Gemma 3 270m can be said.",
        ),
        (
            match(reason="other_rows"),
            "frozen can't be matched with Gemma 3 270m, which wasn't asked about the curve's test rows.",
        ),
    ],
)
def test_no_number_of_labels_has_its_reason(row: Match, said: str) -> None:
    assert matches.words(row, TITLES, 840) == said
