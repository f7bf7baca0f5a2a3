"""prepare as a whole: what is excluded and counted, what stops it, and the sides rows end on."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from data_toys import Make, notes, sentences

from slingshot.data.prepare import PreparedDataset, prepare
from slingshot.files.audit import AuditRows, ClassRows, SharedTexts
from slingshot.files.notes.audits import (
    LargeGroup,
    OverMaxRows,
    SharedWithTestFile,
    SplitByRow,
    Ungrouped,
    ValidationSplitByRow,
)
from slingshot.files.notes.labels import NotInSplit, NotInTrain
from slingshot.settings import DatasetSettings, UserError


def labelled(count: int, names: str = "ab", tag: str = "row") -> list[tuple[str, str]]:
    return [(text, names[i % len(names)]) for i, text in enumerate(sentences(count, tag))]


def texts(prepared: PreparedDataset, split: str) -> set[str]:
    return set(prepared.rows[split]["text"])


def accounted(prepared: PreparedDataset) -> bool:
    rows = prepared.audit.rows
    return rows.source == rows.used + sum(prepared.audit.excluded.values())


def test_what_cannot_be_used_is_excluded_and_counted(make: Make) -> None:
    prepared = make([*labelled(60), ("", "a"), (" \n", "b"), ("no label", ""), ("alone", "rare")])
    assert prepared.audit.excluded == {
        "empty_text": 2,
        "missing_label": 1,
        "single_row_class": 1,
    }
    assert prepared.audit.rows == AuditRows(source=64, used=60, train=36, validation=12, test=12)
    assert prepared.labels.names == ("a", "b")
    assert prepared.labels.train_counts == (18, 18)
    assert accounted(prepared)


def test_rows_keep_their_labels_and_orders_count_up(make: Make) -> None:
    rows = labelled(90, "cab")
    prepared = make(rows, labels=["b", "c", "unused", "a"])
    assert prepared.labels.names == ("b", "c", "a")
    truth = dict(rows)
    for part in prepared.rows.values():
        assert [prepared.labels.names[label] for label in part["label"]] == [
            truth[text] for text in part["text"]
        ]
        assert part["order"].tolist() == list(range(len(part)))
    (note,) = notes(prepared.audit, NotInTrain)
    assert note.words == "class unused has no row in train, so it is left out of the classes"


def test_a_test_file_is_kept_and_its_texts_leave_train(make: Make) -> None:
    train, test = labelled(50), labelled(20, tag="test")
    shared = [(train[0][0].upper(), "a"), (train[1][0], "a")]
    prepared = make(train, [*test, *shared])
    assert texts(prepared, "test") == {text for text, _ in [*test, *shared]}
    assert not {train[0][0], train[1][0]} & (
        texts(prepared, "train") | texts(prepared, "validation")
    )
    assert prepared.audit.shared_texts == SharedTexts(test_rows=2, same_label=1, train_rows=2)
    assert prepared.audit.excluded == {"shared_with_test": 2}
    assert len(prepared.rows["validation"]) == 10  # a fifth of the 48 that are left, by class
    assert accounted(prepared)


def test_shared_rows_stay_where_drop_shared_is_false(make: Make) -> None:
    train = labelled(50)
    prepared = make(train, [*labelled(20, tag="test"), train[0]], split={"drop_shared": False})
    assert prepared.audit.excluded == {}
    assert train[0][0] in texts(prepared, "train") | texts(prepared, "validation")
    (note,) = notes(prepared.audit, SharedWithTestFile)
    assert note == SharedWithTestFile(test_rows=1, same_label=1, train_rows=1, dropped=False)
    assert "which flatters scores" in note.words


def test_labels_seen_only_in_test_are_excluded(make: Make) -> None:
    prepared = make(labelled(50), [*labelled(20, tag="test"), ("new one", "c"), ("new two", "c")])
    assert prepared.audit.excluded == {"test_only_label": 2}
    assert prepared.labels.names == ("a", "b")
    (note,) = notes(prepared.audit, NotInTrain)
    assert note.classes == ("c",)
    assert note.words.endswith("left out of the classes. The test file holds 'c' (2 rows)")


def test_a_test_file_without_usable_rows_is_an_error(make: Make) -> None:
    with pytest.raises(
        UserError, match=r"data set 'toy': .*: holds no rows; .* as source.test_file"
    ):
        make(labelled(50), [])
    with pytest.raises(
        UserError, match="data set 'toy': no row of the test file has a text and a label of train"
    ):
        make(labelled(50), [("", "a"), ("one", "")])


def test_a_test_file_of_the_same_rows_leaves_none_to_train_on(make: Make) -> None:
    with pytest.raises(
        UserError, match="none is left to train on; name two different files in source"
    ):
        make(labelled(50), labelled(50))


def test_a_description_of_no_label_is_named(make: Make) -> None:
    described = {"descriptions": {"billing": "invoices", "techn": "errors"}}
    rows = [(text, {"a": "billing", "b": "tech"}[name]) for text, name in labelled(50)]
    with pytest.raises(
        UserError,
        match=r"'toy': prompt\.descriptions .*: 'techn' is not a label, did you mean 'tech'",
    ):
        make(rows, prompt=described)


def test_the_first_validation_rows_are_a_fair_sample_and_train_opens_with_every_class(
    make: Make,
) -> None:
    names = [f"c{k:02d}" for k in range(40) for _ in range(400 // (k + 1))]
    prepared = make(list(zip(sentences(len(names)), names, strict=True)))
    validation, train = prepared.rows["validation"]["label"], prepared.rows["train"]["label"]
    whole = validation.value_counts(normalize=True)
    apart = (
        validation.head(40).value_counts(normalize=True).sub(whole, fill_value=0).abs().sum() / 2
    )
    by_chance = [
        validation.sample(40, random_state=s).value_counts(normalize=True) for s in range(20)
    ]
    assert apart < min(one.sub(whole, fill_value=0).abs().sum() / 2 for one in by_chance)
    assert train.head(40).nunique() == 40
    capped = make(list(zip(sentences(len(names)), names, strict=True)), max_rows={"validation": 40})
    assert capped.rows["validation"]["label"].tolist() == validation.head(40).tolist()


def test_caps_are_stratified_whole_groups_and_counted(make: Make) -> None:
    rows = [(text, label, f"g{i // 3}") for i, (text, label) in enumerate(labelled(300, "aab"))]
    prepared = make(rows, max_rows={"train": 50, "validation": 20, "test": 31})
    sizes = {split: len(part) for split, part in prepared.rows.items()}
    assert sizes == {"train": 48, "validation": 18, "test": 30}
    assert prepared.audit.excluded == {"over_max_rows": 300 - 96}
    for part in prepared.rows.values():
        assert part["label"].value_counts().to_dict() == {0: len(part) * 2 // 3, 1: len(part) // 3}
        assert (part.groupby("group").size() == 3).all()
    assert accounted(prepared)


def test_a_cap_below_the_number_of_classes_keeps_every_class_in_train(make: Make) -> None:
    prepared = make(labelled(120, "abcdef"), max_rows={"train": 2})
    assert prepared.labels.train_counts == (1,) * 6
    (note,) = notes(prepared.audit, OverMaxRows)
    assert note.words == "train has 6 rows, more than max_rows.train (2), to keep every class"


def test_a_class_of_two_groups_is_said_to_miss_a_side(make: Make) -> None:
    prepared = make([*labelled(60), ("first of c", "c"), ("second of c", "c")])
    assert prepared.audit.classes["c"] == ClassRows(train=1, validation=0, test=1)
    (note,) = notes(prepared.audit, NotInSplit)
    assert note.words == "class c has no row in validation (a class needs a group for each split)"


def test_the_users_groups_stay_together(make: Make) -> None:
    rows = [
        (text, label, f"patient {i % 20}") for i, (text, label) in enumerate(labelled(200, "aab"))
    ]
    prepared = make([*rows, ("one without a patient", "a", "")])
    groups = [set(part["group"]) for part in prepared.rows.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 21
    (note,) = notes(prepared.audit, Ungrouped)
    assert note.words == "1 row has no value in the group column, so only its text groups it"


@pytest.mark.parametrize(("copies", "stops"), [(30, False), (90, True)])
def test_a_large_group_is_named_and_one_too_large_stops(
    make: Make, copies: int, stops: bool
) -> None:
    rows = labelled(100) + [
        ("the same advertisement again and again", "ab"[i % 2]) for i in range(copies)
    ]
    if stops:
        with pytest.raises(
            UserError, match=r"one group holds 47% of the rows.*'the same advertisement"
        ):
            make(rows)
    else:
        (note,) = notes(make(rows).audit, LargeGroup)
        assert note.words.startswith("one group holds 23% of the rows (30); one of its texts is")
        assert "'the same advertisement" in note.words


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            labelled(20, "a"),
            r"needs two classes; column 'label' of rows.csv holds only 'a' \(20 rows, left out: none\)",
        ),
        (
            [("", "a"), ("", "b")],
            r"holds no class of two usable rows \(2 rows, left out: 2 empty text\). Check source.l",
        ),
        (
            labelled(26, "abcdefghijklmnopqrstuvwxyz"),
            "no class of two usable rows .*26 single row class",
        ),
        (
            labelled(4),
            "too few rows to split: validation has none, because no class has three groups of its own",
        ),
        (
            [(text, f"{i / 7:.2f}") for i, text in enumerate(sentences(30))],
            "which are measurements, not classes",
        ),
    ],
)
def test_what_leaves_nothing_to_compare_stops(
    make: Make, rows: list[tuple[str, str]], said: str
) -> None:
    with pytest.raises(UserError, match=f"data set 'toy': .*{said}"):
        make(rows)


def test_two_rows_a_class_stop_and_each_remedy_that_is_named_helps(make: Make) -> None:
    rows = labelled(40, "abcdefghijklmnopqrst")
    with pytest.raises(UserError) as stopped:
        make(rows)
    assert stopped.value.message == (
        "data set 'toy': too few rows to split: validation has none, because no class has three groups of its own, one "
        "for each of train, validation and test (the most is 2; copies of a text, near copies and rows of one "
        "source.group are one group). Add rows until each of the 20 classes has three or more, join classes by "
        "`labels: {value: name}`, or name a test file of its own in `source`"
    )
    joined = {name: "early" if name < "k" else "late" for name in "abcdefghijklmnopqrst"}
    for helped in (
        make([*rows, ("a third row of class a", "a")]),
        make(rows, labels=joined),
        make(rows, labelled(20, "abcdefghijklmnopqrst", tag="test")),
    ):
        sizes = helped.audit.rows
        assert min(sizes.train, sizes.validation, sizes.test) > 0


def test_with_a_test_file_a_class_of_two_groups_would_do(make: Make) -> None:
    copies = [
        (f"{text} {end}", label)
        for text, label in labelled(2)
        for end in ("once more", "once  more", "ONCE more")
    ]
    with pytest.raises(
        UserError,
        match=r"no class has two groups of its own, one for each of train and validation \(the",
    ):
        make(copies, labelled(20, tag="test"))
    with pytest.raises(UserError, match="no class has three rows, one for each"):
        make(labelled(4), split={"by": "row"})


def test_groups_of_several_classes_are_no_classs_own(make: Make) -> None:
    labels, groups = "aaadcbddacba", "dbccadbddcac"
    rows = [
        (text, *pair)
        for text, pair in zip(sentences(12), zip(labels, groups, strict=True), strict=True)
    ]
    with pytest.raises(
        UserError,
        match=r"validation has none, because no class has three groups of its own, .*most is 0;",
    ):
        make(rows)


def test_the_case_of_two_rows_a_class_stops_with_a_remedy() -> None:
    if "SLINGSHOT_CASES" not in os.environ:
        pytest.skip("SLINGSHOT_CASES does not name the folder of the cases")
    folder = Path(os.environ["SLINGSHOT_CASES"], "tworows")
    chosen = json.loads((folder.parent / "params.json").read_text())["tworows"]
    with pytest.raises(
        UserError, match=r"no class has three groups .*Add rows until .*, join classes"
    ):
        prepare("tworows", DatasetSettings.model_validate(chosen), 0, folder)


def twins(count: int) -> list[tuple[str, str]]:
    """Each text under both labels."""
    return [(text, label) for text in sentences(count) for label in "ab"]


def test_a_split_by_row_keeps_the_leak_counts_it_and_warns(make: Make) -> None:
    rows = [*twins(60), *labelled(60, tag="alone")]
    prepared = make(rows, split={"by": "row", "test": 0.1, "validation": 0.1})
    assert prepared.audit.rows == AuditRows(source=180, used=180, train=144, validation=18, test=18)
    test, train = prepared.rows["test"], prepared.rows["train"]
    both = set(zip(test["text"], test["label"], strict=True)) & set(
        zip(train["text"], train["label"], strict=True)
    )
    shared = SharedTexts(
        test_rows=int(test["text"].isin(train["text"]).sum()),
        same_label=len(both),
        train_rows=int(train["group"].isin(test["group"]).sum()),
    )
    assert prepared.audit.shared_texts == shared
    assert shared.test_rows > 5 and shared.same_label == 0
    (note,) = notes(prepared.audit, SplitByRow)
    assert (note.test_rows, note.same_label) == (shared.test_rows, 0)
    assert "on purpose (split.by: row)" in note.words
    assert (
        f"{shared.test_rows} test rows have the same text as a train row, 0 of them with the same label"
        in note.words
    )
    assert "not comparable" in note.words
    assert test["label"].value_counts().tolist() == [9, 9]
    groups = pd.concat(list(prepared.rows.values())).groupby("group").size()
    assert sorted(groups.unique()) == [1, 2]  # kept for the bootstrap
    assert make(rows).audit.shared_texts is None


def test_a_given_test_file_with_its_leak_kept_is_marked(make: Make) -> None:
    train = [*twins(40), ("alone in a class c one", "c"), ("alone in a class c two", "c")]
    test = [(text, "b") for text in sentences(10)]
    prepared = make(train, test, split={"by": "row", "drop_shared": False})
    assert prepared.audit.excluded == {}
    assert prepared.audit.shared_texts == SharedTexts(test_rows=10, same_label=10, train_rows=20)
    assert notes(prepared.audit, SplitByRow) == [SplitByRow(test_rows=10, same_label=10)]
    assert not notes(prepared.audit, SharedWithTestFile)
    dropped = make(train, test, split={"by": "row"})
    assert dropped.audit.excluded == {"shared_with_test": 20}
    assert not notes(dropped.audit, SplitByRow)
    (note,) = notes(dropped.audit, ValidationSplitByRow)
    assert "train drops 20 rows whose group is in the test file too" in note.words


def test_by_row_one_text_of_half_the_rows_is_no_obstacle(make: Make) -> None:
    rows = labelled(100) + [
        ("the same advertisement again and again", "ab"[i % 2]) for i in range(90)
    ]
    assert make(rows, split={"by": "row"}).audit.rows.used == 190
