"""The audit's figures: ceilings by hand, the majority class against scikit-learn."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from data_toys import Make, notes, sentences
from hypothesis import given
from hypothesis import strategies as st

from slingshot.data.audit import ceiling, majority
from slingshot.data.show import show
from slingshot.files.audit import WITHIN_MEANING, Audit, Duplicates
from slingshot.files.labels import Labels
from slingshot.files.notes.audits import (
    ConflictingLabels,
    LargeGroup,
    LargeGroupOfSplit,
    ModelLabels,
    NearDuplicates,
    SplitSize,
)
from slingshot.files.notes.labels import NotInSplit


def test_ceilings_by_hand() -> None:
    texts = np.array([0, 0, 0, 1, 1, 2])
    labels = np.array([0, 0, 1, 0, 1, 1])
    assert ceiling(texts, labels) == pytest.approx((2 + 1 + 1) / 6)
    scored = np.array([False, False, True, True, False, False])
    assert ceiling(texts, labels, scored, scored) == 1.0  # nothing conflicts within
    assert ceiling(texts, labels, scored) == pytest.approx((0 + 0.5) / 2)  # a tie shares the point


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1))
def test_the_ceiling_of_all_rows_is_the_majority_of_each_text(pairs: list[tuple[int, int]]) -> None:
    texts, labels = np.array(pairs).T
    best = sum(np.bincount(labels[texts == text]).max() for text in set(texts))
    assert ceiling(texts, labels) == pytest.approx(best / len(pairs))


@pytest.mark.parametrize("test", [[0, 1, 1, 2, 1, 0], [0, 0, 2], [1, 1]])
def test_the_majority_class_scores_what_scikit_learn_says(test: list[int]) -> None:
    from sklearn import metrics

    labels = Labels(("a", "b", "c"), (30, 60, 10))
    scores = majority(labels, np.array(test))
    answers, shares = [1] * len(test), np.tile([0.3, 0.6, 0.1], (len(test), 1))
    scored = sorted(set(test))
    assert scores.label == "b"
    assert scores.accuracy == pytest.approx(metrics.accuracy_score(test, answers))
    f1 = metrics.f1_score(test, answers, average="macro", labels=scored, zero_division=0)
    assert scores.macro_f1 == pytest.approx(f1)
    with warnings.catch_warnings(action="ignore"):
        recall = metrics.recall_score(
            test, answers, average="macro", labels=scored, zero_division=0
        )
    assert scores.balanced_accuracy == pytest.approx(recall)
    assert scores.auroc == (0.5 if len(scored) > 1 else None)
    assert scores.log_loss == pytest.approx(metrics.log_loss(test, shares, labels=[0, 1, 2]))
    assert scores.brier == pytest.approx(np.mean(((shares - np.eye(3)[test]) ** 2).sum(axis=1)))


def test_duplicates_conflicts_and_ceiling_of_a_small_set(make: Make) -> None:
    plain = [(text, "xy"[i % 2]) for i, text in enumerate(sentences(40))]
    letter = (
        "a letter of some length that a number of people have been sent by mistake, word for word"
    )
    rows = [
        *plain,
        (letter, "x"),
        (letter.upper(), "y"),
        (letter + ".", "y"),
        ("twice  the same here", "x"),
    ]
    audit = make([*rows, ("twice the same here", "x")]).audit
    assert audit.duplicates == Duplicates(
        distinct_texts=43,
        exact_rows=4,
        near_groups=1,
        near_rows=3,
        conflicting_texts=1,
        conflicting_groups=1,
        short_not_joined=0,
    )
    assert audit.groups.largest_rows == 3
    assert audit.ceiling.all.within == pytest.approx(44 / 45)
    assert audit.words.max == 18


def test_who_labelled_and_what_lies_on_both_sides_is_warned_of(make: Make) -> None:
    letter = (
        "a letter of some length that a number of people have been sent by mistake, word for word"
    )
    rows = [(text, "xy"[i % 2]) for i, text in enumerate(sentences(40))] + [
        (letter, "x"),
        (letter + ".", "x"),
    ]
    audit = make(rows, label_source="GPT-3.5", split={"near": None}).audit
    assert audit.warnings[0] == ModelLabels(source="GPT-3.5")
    assert notes(audit, NearDuplicates) == [NearDuplicates(rows=2)]


def test_the_table_is_plain_text_100_wide_where_there_is_no_terminal(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rows = [(text, f"[bold]class {i % 15}") for i, text in enumerate(sentences(90))]
    show("toy", make(rows).audit)
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) == 100
    assert "[bold]class 0" in printed  # a name is no markup
    assert "and 3 more" in printed


def test_no_color_is_respected_on_a_terminal(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(text, "xy"[i % 2]) for i, text in enumerate(sentences(40))]
    audit = make(rows, label_source="GPT-3.5").audit
    for no_color, coloured in (("1", False), ("", True)):
        monkeypatch.setenv("NO_COLOR", no_color)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("FORCE_COLOR", "1")  # takes what is captured for a terminal
        show("toy", audit)
        printed = capsys.readouterr().out
        assert "warning: Labels were written by GPT-3.5: " in printed
        assert ("\x1b[33m" in printed) is coloured


def test_every_figure_is_finite_json(make: Make, tmp_path: Path) -> None:
    audit = make([(text, "xy"[i % 2]) for i, text in enumerate(sentences(12))]).audit
    audit.write(tmp_path / "audit.json")
    assert Audit.read(tmp_path / "audit.json") == audit


def test_the_ceiling_says_that_case_and_white_space_were_folded(make: Make) -> None:
    cased = [row for text in sentences(40) for row in ((text, "a"), (f" {text.upper()}", "b"))]
    audit = make(cased).audit
    (note,) = notes(audit, ConflictingLabels)
    assert note.texts == 40
    assert (note.within, note.whole) == (audit.ceiling.test.within, audit.ceiling.test.whole)
    assert note.words.startswith(
        "40 texts have several labels; texts that differ only in case and white space count as one. A contestant that "
        "ignores both can reach at most 50.0% accuracy on test, and "
    )
    assert "compared after folding case and white space" in WITHIN_MEANING


def test_a_class_that_the_test_file_lacks_is_not_put_down_to_the_split(make: Make) -> None:
    texts = sentences(60)
    rows = [(text, "xyz"[i % 3]) for i, text in enumerate(texts[:45])]
    audit = make(rows, [(text, "xy"[i % 2]) for i, text in enumerate(texts[45:])]).audit
    (note,) = notes(audit, NotInSplit)
    assert note.words == "class z has no row in test"


def customers(sizes: list[int]) -> list[tuple[str, str, str]]:
    """Rows of two labels by turns; each size is a group."""
    texts = iter(sentences(sum(sizes)))
    return [
        (next(texts), "xy"[i % 2], f"customer {k}")
        for k, size in enumerate(sizes)
        for i in range(size)
    ]


def test_the_largest_group_of_each_split_is_stated(make: Make) -> None:
    prepared = make(customers([60, *[1, 2] * 45]))
    audit = prepared.audit
    for split, rows in prepared.rows.items():
        sizes = rows["group"].value_counts()
        largest = audit.groups.splits[split]
        assert (largest.largest_rows, largest.largest_share) == (
            sizes.iloc[0],
            sizes.iloc[0] / len(rows),
        )
        assert largest.largest_text in set(rows["text"])
    assert audit.groups.splits["train"].largest_rows == 60
    assert audit.wanted_rows == {"validation": 39, "test": 39}
    assert notes(audit, LargeGroup)
    assert not notes(audit, LargeGroupOfSplit) and not notes(audit, SplitSize)


def test_a_group_that_is_most_of_a_split_and_a_split_far_from_its_size_are_named(
    make: Make,
) -> None:
    prepared = make(customers([2, 2, 44, 76, 76]))  # the groups of 2 can't fill half a split
    sizes = {split: len(rows) for split, rows in prepared.rows.items()}
    large, small = sorted(("validation", "test"), key=lambda split: -sizes[split])
    assert prepared.rows[large]["group"].value_counts().iloc[0] == 44
    text = prepared.audit.groups.splits[large].largest_text
    rows = sizes[large]
    (group,) = [note for note in notes(prepared.audit, LargeGroupOfSplit) if note.split == large]
    assert group.words == (
        f"one group holds {44 / rows:.0%} of {large} (44 of {rows} rows), so scores there depend heavily on that "
        f"group; one of its texts is {text!r}"
    )
    (size,) = [note for note in notes(prepared.audit, SplitSize) if note.split == small]
    assert (size.rows, size.wanted) == (sizes[small], 40)
    assert size.words.startswith(f"{small} has {sizes[small]} rows instead of 40, because groups")


def test_a_test_file_and_a_cap_are_no_reason_to_warn_of_a_size(make: Make) -> None:
    rows, tags = customers([2] * 50), sentences(4, "test")
    audit = make(
        rows,
        [(text, "xy"[i % 2], text) for i, text in enumerate(tags)],
        max_rows={"validation": 12},
    ).audit
    assert audit.wanted_rows == {"validation": 12}
    for kind in (SplitSize, LargeGroup, LargeGroupOfSplit):
        assert not notes(audit, kind)
