"""What `prepare` says of labels that read the same or are several in one, and that what it prints can be pasted."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from data_toys import Make, notes, sentences
from ruamel.yaml import YAML

from slingshot.data.spelling import Spelling
from slingshot.files.audit import Audit, ClassRows
from slingshot.files.notes.base import Note, sentence
from slingshot.files.notes.labels import LabelsAlike, MissingLabels, NotInTrain, SeveralLabels
from slingshot.settings import UserError
from stages import prepare

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"
READS = "labels that read the same are separate classes: "


def rows(*labels: str, times: int = 20, tag: str = "row") -> list[tuple[str, str]]:
    texts = sentences(times * len(labels), tag)
    return [(text, labels[i % len(labels)]) for i, text in enumerate(texts)]


def run(folder: Path, source: dict[str, str], pasted: str = "") -> tuple[str, Audit | None]:
    """What the stage prints for the data set `toy` of the source, and its audit; None where it stops."""
    toy = f"  toy:\n    source: {json.dumps(source)}\n    label_source: human\n    licence: MIT\n{pasted}\n  tweets:\n"
    params = PARAMS.read_text(encoding="utf-8").replace("  tweets:\n", toy, 1)
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    audit = folder / "metrics/audit/toy.json"
    audit.unlink(missing_ok=True)
    printed = CliRunner().invoke(prepare.main, ["toy"]).output
    return printed, Audit.read(audit) if audit.exists() else None


def block(printed: str) -> str:
    """The `labels:` that were printed to be pasted."""
    lines = printed[printed.index("    labels:\n") :].splitlines()
    return "\n".join(line for line in lines if line.startswith("    "))


def said(audit: Audit, kind: type[Note]) -> str:
    """The words of the audit's only note of a kind; empty where it has none."""
    return "".join(note.words for note in notes(audit, kind))


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write rows, and test rows if there are any, as files of the data set; run the stage and give what `run` does."""
    monkeypatch.chdir(tmp_path)
    raw = tmp_path / "data/raw/toy"
    raw.mkdir(parents=True)

    def build(
        held: list[tuple[str, str]], test: list[tuple[str, str]] | None = None, pasted: str = ""
    ) -> tuple[str, Audit | None]:
        source = {"kind": "file", "file": "rows.csv", "text": "text", "label": "label"}
        pd.DataFrame(held, columns=["text", "label"]).to_csv(raw / "rows.csv", index=False)
        if test:
            pd.DataFrame(test, columns=["text", "label"]).to_csv(raw / "test.csv", index=False)
            source["test_file"] = "test.csv"
        return run(tmp_path, source, pasted)

    return build


@pytest.mark.parametrize(
    ("labels", "shown", "classes"),
    [
        (["good", "Good", "bad"], "'good' (40 rows), 'Good' (20 rows)", ["bad", "good"]),
        (
            ["café", "cafe\u0301", "bar"],
            r"'café' (40 rows), 'cafe\u0301' (20 rows)",
            ["bar", "café"],
        ),
        (["bug", "bug\u200b", "ok"], r"'bug' (40 rows), 'bug\u200b' (20 rows)", ["bug", "ok"]),
        (
            ["so so", "so \u00a0so", "ok"],
            r"'so so' (40 rows), 'so \u00a0so' (20 rows)",
            ["ok", "so so"],
        ),
        (["\uff11", "1.0", "2"], "'\uff11' (40 rows), '1.0' (20 rows)", ["\uff11", "2"]),
        (["1", "01", "None", "NA"], "'1' (40 rows), '01' (20 rows)", ["1", "NA", "None"]),
        (
            ['say "no"', 'Say "no"', "a: b # {\\}"],
            "'say \"no\"' (40 rows), 'Say",
            ['say "no"', "a: b # {\\}"],
        ),
    ],
)
def test_labels_that_read_as_one_are_named_and_what_is_printed_merges_them(
    toy: Any, labels: list[str], shown: str, classes: list[str]
) -> None:
    held = rows(*labels, labels[0])
    printed, audit = toy(held)
    assert len(audit.classes) == len(labels)  # nothing is merged unasked
    assert said(audit, LabelsAlike).startswith(READS + shown)
    assert sentence(said(audit, LabelsAlike))[:90] in printed.replace("\n", "")
    printed, audit = toy(held, pasted=block(printed))
    assert sorted(audit.classes) == sorted(classes)
    assert audit.rows.used == len(held)
    assert (
        audit.merged_labels is None
        and not said(audit, LabelsAlike)
        and "    labels:" not in printed
    )


def test_the_mapping_of_150_classes_is_printed_whole(toy: Any) -> None:
    names = [f"{'a rather long name of a class, ' * 3}number {number}" for number in range(150)]
    held = [*rows(*names, times=4), *rows(names[7].upper(), times=3, tag="loud")]
    printed, audit = toy(held)
    assert f"'{names[7][:80]}...' (4 rows)" in said(audit, LabelsAlike)
    assert len(block(printed).splitlines()) == 152
    assert list(toy(held, pasted=block(printed))[1].classes) == sorted(names)


def test_one_row_under_another_spelling_is_lost_and_named(toy: Any) -> None:
    held = [*rows("good", "bad"), ("a text that stands alone", "GOOD")]
    printed, audit = toy(held)
    assert audit.excluded == {"single_row_class": 1}
    assert "'good' (20 rows), 'GOOD' (1 row, left out)" in said(audit, LabelsAlike)
    audit = toy(held, pasted=block(printed))[1]
    assert audit.excluded == {} and audit.rows.used == 41


def test_many_sets_are_counted(toy: Any) -> None:
    names = [f"{letter}name" for letter in "abcdefg"]
    _, audit = toy(rows(*names, *(name.upper() for name in names), times=5))
    assert said(audit, LabelsAlike).count("; ") == 4 and " and 2 more. Map them" in said(
        audit, LabelsAlike
    )


def test_what_reads_as_one_class_in_all_has_no_mapping(toy: Any) -> None:
    printed, audit = toy(rows("spam", "Spam"))
    assert "Merged, they leave one class, and a comparison needs two" in said(audit, LabelsAlike)
    assert "    labels:" not in printed


def test_names_in_params_are_read_too(make: Make) -> None:
    audit = make(rows("0", "1", "2"), labels={"0": "bad", "1": "good", "2": "Good"}).audit
    assert "'good' (20 rows), 'Good' (20 rows)" in said(audit, LabelsAlike)
    assert audit.merged_labels.splitlines()[1:] == [
        '      "0": "bad"',
        '      "1": "good"',
        '      "2": "good"',
    ]


def test_a_test_label_that_train_lacks_is_named_with_the_nearest(toy: Any) -> None:
    held, tested = rows("good", "bad"), rows("good", "Bad", "goood", "zzz", times=3, tag="test")
    printed, audit = toy(held, tested)
    assert said(audit, NotInTrain) == (
        "classes Bad, goood, zzz have no row in train, so they are left out of the classes. The test file holds "
        "'Bad' (3 rows, reads the same as 'bad'), 'goood' (3 rows, did you mean 'good'?), 'zzz' (3 rows)"
    )
    audit = toy(held, tested, block(printed))[1]
    assert audit.classes["bad"].test == 3
    assert audit.excluded == {"test_only_label": 6}


def test_the_mapping_leaves_the_classes_in_their_order() -> None:
    """A prompt lists them so, and what was paid for was asked so."""
    values = pd.Series(["ham", "spam", "ham", "spam", "Spam"])
    test = pd.Series([False] * 4 + [True])
    merged = Spelling.of(values, test, None, ["Spam", "ham", "spam"]).merged
    assert merged is not None
    assert list(dict.fromkeys(YAML(typ="safe").load(merged)["labels"].values())) == ["ham", "spam"]


def test_a_test_file_in_another_spelling_stops_with_the_mapping(toy: Any) -> None:
    held, tested = rows("0", "1"), rows("0.0", "1.0", times=10, tag="test")
    printed, audit = toy(held, tested)
    assert audit is None
    assert (
        "it holds '0.0' (10 rows, reads the same as '0'), '1.0' (10 rows, reads the same as '1'); check source"
        in printed
    )
    assert toy(held, tested, block(printed))[1].classes == {
        "0": ClassRows(train=16, validation=4, test=10),
        "1": ClassRows(train=16, validation=4, test=10),
    }


def test_a_test_file_of_other_labels_stops_with_the_nearest(make: Make) -> None:
    with pytest.raises(
        UserError,
        match=r"it holds 'goood' \(20 rows, did you mean 'good'\?\); check source in params",
    ):
        make(rows("good", "bad"), rows("goood", tag="test"))


def test_unlisted_values_that_read_as_listed_ones_come_with_the_mapping(toy: Any) -> None:
    held = rows("0", "1", "1.0")
    printed, _ = toy(held, pasted='    labels: ["1", "0"]')
    assert "does not list '1.0' (20 rows), did you mean '1'? To merge the labels that" in printed
    assert toy(held, pasted=block(printed))[1].classes.keys() == {"0", "1"}


def test_several_labels_in_one_are_named_until_they_are_listed(make: Make) -> None:
    labels = ["bug", "ui", "bug|ui", "ui|bug", "bug|rare"]
    held = [*rows(*labels[:4]), ("this one stands alone", labels[4])]
    words = said(make(held).audit, SeveralLabels)
    assert words.startswith(
        "41 of 81 rows have several labels in one: 'bug|rare' (1 row, left out), 'bug|ui' (20 rows), 'ui|bug' (20"
    )
    assert "A comparison takes one label per text: keep one in each row, or" in words
    assert said(make(held, labels=labels).audit, SeveralLabels) == ""


def test_labels_that_read_as_missing_are_named_until_they_are_listed(make: Make) -> None:
    given = rows("cards", "N/A", "nan", "-")
    assert said(make(given).audit, MissingLabels).startswith(
        "labels that look like missing values are classes: '-' (20 rows), 'N/A' (20 rows), 'nan' (20 rows). Leave them"
    )
    listed = make(given, labels=["cards", "N/A", "nan", "-"]).audit
    assert not notes(listed, MissingLabels)


def test_where_no_class_is_left_the_labels_that_read_as_one_are_named(make: Make) -> None:
    held = [*rows("ham"), ("one of them", "Spam"), ("another one", "spam")]
    with pytest.raises(
        UserError, match=r"2 single row class.*separate classes: 'Spam' \(1 row, left out\), 'spam'"
    ):
        make(held)
    combined = [(text, f'["bug", "tag {i}"]') for i, text in enumerate(sentences(9))]
    with pytest.raises(
        UserError, match=r"needs two classes.*9 of 9 rows have several labels in one: .* and 4 more"
    ):
        make(combined)


ALIKE = {
    "case": ["negative", "positive"],
    "nfd": ["bar", "café"],
    "mixfloat": ["0.0", "1.0"],
    "testfloat": ["0", "1"],
}


@pytest.mark.parametrize("name", [*ALIKE, "multilabel", "lsjson"])
def test_the_cases(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "SLINGSHOT_CASES" not in os.environ:
        pytest.skip("SLINGSHOT_CASES does not name the folder of the cases")
    cases = Path(os.environ["SLINGSHOT_CASES"])
    monkeypatch.chdir(tmp_path)
    Path("data/raw").mkdir(parents=True)
    Path("data/raw/toy").symlink_to(cases / name)
    source = json.loads((cases / "params.json").read_text(encoding="utf-8"))[name]["source"]
    printed, audit = run(tmp_path, source)
    if name not in ALIKE:
        assert said(audit, SeveralLabels) and "    labels:" not in printed
        return
    assert (audit is None) == (name == "testfloat")
    assert list(run(tmp_path, source, block(printed))[1].classes) == ALIKE[name]
