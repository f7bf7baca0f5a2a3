"""Which rows can't decide a macro figure, and that nothing is then claimed of a pair."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from slingshot.files.notes.pairs import RareClasses
from slingshot.files.pairs import Pairs
from slingshot.machine.console import terminal
from slingshot.metrics import pairs, rare, rule, summary
from slingshot.metrics.scored import Scored, SeedRun
from slingshot.settings import MetricsSettings
from slingshot.settings.catalogue import METRICS

Maker = Callable[..., Scored]
OPTIONS = MetricsSettings(
    primary="balanced_accuracy", margin=0.02, confidence=0.95, ece_bins=15, seed_sd=0.012
)
MACRO = ("balanced_accuracy", "macro_f1", "auroc")


def classes(rare_ones: int, others: int, rows: int = 9) -> dict[str, int]:
    return {f"rare {n}": rows for n in range(rare_ones)} | {f"other {n}": 40 for n in range(others)}


def test_the_reason_names_the_classes_their_rows_and_what_they_could_move() -> None:
    rows = {"ham": 200, "spam": 9, "scam": 3, "other": 10}
    why = rare.why_undecidable("macro_f1", 0.02, rows)
    assert why == RareClasses(
        metric="macro_f1", margin=0.02, classes=4, rare={"scam": 3, "spam": 9}
    )
    assert why.words == (
        "2 of 4 classes have under 10 test rows (scam: 3, spam: 9) and could move macro-F1 by 0.5, more than the "
        "margin of 0.02, so nothing is claimed"
    )
    one = rare.why_undecidable("auroc", 0.05, {"ham": 200, "spam": 9})
    assert one is not None and one.words.startswith(
        "1 of 2 classes has under 10 test rows (spam: 9) and could move AUROC by"
    )
    many = rare.why_undecidable("auroc", 0.05, classes(7, 1))
    named = "(rare 0: 9, rare 1: 9, rare 2: 9, rare 3: 9, rare 4: 9 and 2 more)"
    assert many is not None and named in many.words


@pytest.mark.parametrize("metric", MACRO)
@pytest.mark.parametrize(
    ("rows", "margin", "undecidable"),
    [
        (classes(1, 49), 0.02, False),  # 1 / 50 is just the margin
        (classes(1, 48), 0.02, True),
        (classes(3, 57), 0.05, False),
        (classes(4, 56), 0.05, True),
        (classes(1, 3, rows=10), 0.02, False),
        ({}, 0.02, False),
    ],
)
def test_classes_of_few_rows_must_be_able_to_move_it_by_more_than_the_margin(
    metric, rows, margin, undecidable
) -> None:
    assert bool(rare.why_undecidable(metric, margin, rows)) == undecidable
    assert bool(rare.why_undecidable(metric, margin, {"all": 100}, rows)) == undecidable, (
        "either side's rows"
    )
    assert rare.why_undecidable("accuracy", margin, rows) is None
    assert rare.why_undecidable("log_loss", margin, rows) is None


def cut(scored: Scored, rows: int) -> Scored:
    """With so many rows of its last class."""
    last = np.flatnonzero(scored.labels == scored.labels.max())
    return scored.only(np.setdiff1d(np.arange(len(scored.labels)), last[rows:]))


def compared(rows: int, contestant: Maker, primary: str) -> Pairs:
    """Two contestants far apart, and a third with the predictions of the first, with so many rows of a class."""
    sides = {"a": cut(contestant(300, skill=12), rows), "b": cut(contestant(300, skill=1), rows)}
    sides |= {"c": sides["a"]}
    options = OPTIONS.model_copy(update={"primary": primary})
    return rule.judged(pairs.compare(sides, "toy", options, ("ham", "spam", "scam")), [("a", "b")])


def words(result: Pairs) -> list[tuple[str, str]]:
    return [(pair.verdict, pair.reverse_verdict) for pair in result.pairs]


@pytest.mark.parametrize("primary", [*MACRO, "accuracy"])
def test_of_nine_rows_of_a_class_nothing_is_claimed_and_of_ten_all(
    contestant: Maker, primary: str
) -> None:
    nine, ten = (compared(rows, contestant, primary) for rows in (9, 10))
    told = {9: words(nine), 10: words(ten)}
    alike = (
        "as good" if primary == "accuracy" else "not resolved"
    )  # ten rows may be alike by chance
    decided = [("better", "worse"), (alike, alike), ("worse", "better")]
    assert told[10] == decided and ten.undecidable is None
    if primary == "accuracy":
        assert told[9] == decided and nine.undecidable is None
        return
    assert told[9] == [("not resolved", "not resolved")] * 3, "nor of the same predictions"
    assert nine.undecidable.rare == {"scam": 9}
    first = nine.pairs[0]
    assert 0 < first.low < first.difference < first.high, "these stay shown"
    for claims in (first, first.recipe):
        assert set(rule.p_values(claims).values()) == {None}
        assert claims.p_corrected is claims.rows_to_resolve is None
    title = METRICS[primary].title
    assert summary.headline(nine) == f"3 pairs compared on {title}; {nine.undecidable.words}"
    out = terminal()
    out.width = 400
    with out.capture() as captured:
        out.print(summary.table(nine))
    assert (
        nine.undecidable.words in " ".join(captured.get().split()) and "None" not in captured.get()
    )


def test_either_side_s_rows_may_be_too_few_where_they_differ(contestant: Maker) -> None:
    many, few = contestant(300, skill=12), cut(contestant(301, skill=1), 9)
    for sides in ({"a": many, "b": few}, {"a": few, "b": many}):
        assert pairs.difference("a", "b", sides, OPTIONS).p is None
    less = replace(many, runs=(SeedRun(-1, np.zeros_like(many.labels), None),))
    assert pairs.difference("a", "b", {"a": many, "b": less}, OPTIONS).p is not None
