"""The audit's figures: ceilings by hand, the majority class against scikit-learn."""

import json
import warnings

import numpy as np
import pytest
from data_toys import Make, sentences
from hypothesis import given
from hypothesis import strategies as st

from slingshot.data.audit import ceiling, majority
from slingshot.data.show import show
from slingshot.files.labels import Labels


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
    found = majority(labels, np.array(test))
    answers, shares = [1] * len(test), np.tile([0.3, 0.6, 0.1], (len(test), 1))
    scored = sorted(set(test))
    assert found["label"] == "b"
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(test, answers))
    f1 = metrics.f1_score(test, answers, average="macro", labels=scored, zero_division=0)
    assert found["macro_f1"] == pytest.approx(f1)
    with warnings.catch_warnings(action="ignore"):
        recall = metrics.recall_score(
            test, answers, average="macro", labels=scored, zero_division=0
        )
    assert found["balanced_accuracy"] == pytest.approx(recall)
    assert found["auroc"] == (0.5 if len(scored) > 1 else None)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(test, shares, labels=[0, 1, 2]))
    assert found["brier"] == pytest.approx(np.mean(((shares - np.eye(3)[test]) ** 2).sum(axis=1)))


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
    assert audit["duplicates"] == {
        "distinct_texts": 43,
        "exact_rows": 4,
        "near_groups": 1,
        "near_rows": 3,
        "conflicting_texts": 1,
        "conflicting_groups": 1,
        "short_not_joined": 0,
    }
    assert audit["groups"]["largest_rows"] == 3
    assert audit["ceiling"]["all"]["within"] == pytest.approx(44 / 45)
    assert audit["words"]["max"] == 18


def test_who_labelled_and_what_lies_on_both_sides_is_warned_of(make: Make) -> None:
    letter = (
        "a letter of some length that a number of people have been sent by mistake, word for word"
    )
    rows = [(text, "xy"[i % 2]) for i, text in enumerate(sentences(40))] + [
        (letter, "x"),
        (letter + ".", "x"),
    ]
    audit = make(rows, label_source="GPT-3.5", split={"near": None}).audit
    said = "\n".join(audit["warnings"])
    assert "written by GPT-3.5: a score here is agreement with GPT-3.5" in said
    assert "2 rows have near duplicates, which may lie on both sides" in said


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
    audit = make([(text, "xy"[i % 2]) for i, text in enumerate(sentences(40))]).audit | {
        "warnings": ["look"]
    }
    for no_color, coloured in (("1", False), ("", True)):
        monkeypatch.setenv("NO_COLOR", no_color)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("FORCE_COLOR", "1")  # takes what is captured for a terminal
        show("toy", audit)
        assert ("\x1b[33m" in capsys.readouterr().out) is coloured


def test_every_figure_is_finite_json(make: Make) -> None:
    audit = make([(text, "xy"[i % 2]) for i, text in enumerate(sentences(12))]).audit
    json.dumps(audit, allow_nan=False)
    assert set(audit["ceiling"]["meaning"]) == {"within", "whole"}


def test_the_ceiling_says_that_case_and_white_space_were_folded(make: Make) -> None:
    cased = [row for text in sentences(40) for row in ((text, "a"), (f" {text.upper()}", "b"))]
    audit = make(cased).audit
    said = next(warning for warning in audit["warnings"] if "under several labels" in warning)
    assert said.startswith(
        "40 texts, compared after folding case and white space, stand under several labels: "
    )
    assert "compared after folding case and white space" in audit["ceiling"]["meaning"]["within"]


def test_a_class_that_the_test_file_lacks_is_not_put_down_to_the_split(make: Make) -> None:
    texts = sentences(60)
    rows = [(text, "xyz"[i % 3]) for i, text in enumerate(texts[:45])]
    audit = make(rows, [(text, "xy"[i % 2]) for i, text in enumerate(texts[45:])]).audit
    assert "Class z: no row in test." in audit["warnings"]


def customers(sizes: list[int]) -> list[tuple[str, str, str]]:
    """Rows of two labels by turns; each size is a group."""
    texts = iter(sentences(sum(sizes)))
    return [
        (next(texts), "xy"[i % 2], f"customer {k}")
        for k, size in enumerate(sizes)
        for i in range(size)
    ]


def test_the_largest_group_of_each_split_is_stated(make: Make) -> None:
    made = make(customers([60, *[1, 2] * 45]))
    for split, rows in made.rows.items():
        largest = rows["group"].value_counts()
        told = made.audit["groups"]["splits"][split]
        assert (told["largest_rows"], told["largest_share"]) == (
            largest.iloc[0],
            largest.iloc[0] / len(rows),
        )
        assert told["largest_text"] in set(rows["text"])
    assert made.audit["groups"]["splits"]["train"]["largest_rows"] == 60
    assert made.audit["wanted_rows"] == {"validation": 39, "test": 39}
    said = "\n".join(made.audit["warnings"])
    assert "of test" not in said and "was to have" not in said


def test_a_group_that_is_most_of_a_split_and_a_split_far_from_its_size_are_named(
    make: Make,
) -> None:
    made = make(customers([2, 2, 44, 76, 76]))  # the groups of 2 can't fill half a split
    held = {split: rows["group"].value_counts() for split, rows in made.rows.items()}
    large, small = sorted(("validation", "test"), key=lambda split: -len(made.rows[split]))
    text = made.audit["groups"]["splits"][large]["largest_text"]
    rows = len(made.rows[large])
    share = f"One group holds {44 / rows:.0%} of {large} (44 of {rows} rows), so that scores there are much that"
    assert f"{share} group's; a text of it: {text!r}." in made.audit["warnings"]
    assert held[large].iloc[0] == 44
    said = next(warning for warning in made.audit["warnings"] if "was to have" in warning)
    assert said.startswith(
        f"{small} holds {len(made.rows[small])} rows, and was to have 40: groups stay whole"
    )


def test_a_test_file_and_a_cap_are_no_reason_to_warn_of_a_size(make: Make) -> None:
    rows, tags = customers([2] * 50), sentences(4, "test")
    audit = make(
        rows,
        [(text, "xy"[i % 2], text) for i, text in enumerate(tags)],
        max_rows={"validation": 12},
    ).audit
    assert audit["wanted_rows"] == {"validation": 12}
    assert not [
        warning
        for warning in audit["warnings"]
        if "was to have" in warning or "One group" in warning
    ]
