"""What `prepare` says of labels that read as one or are several in one, and that what it prints works as it stands."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from data_toys import Make, sentences
from ruamel.yaml import YAML

from slingshot.data.spelling import Spelling
from slingshot.files.storage.json_files import read_json
from slingshot.settings import UserError
from stages import prepare

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"
READS = "Labels that read as one are separate classes: "
SEVERAL = "Several labels in one, in "


def rows(*labels: str, times: int = 20, tag: str = "row") -> list[tuple[str, str]]:
    texts = sentences(times * len(labels), tag)
    return [(text, labels[i % len(labels)]) for i, text in enumerate(texts)]


def run(folder: Path, source: dict[str, str], pasted: str = "") -> tuple[str, dict[str, Any]]:
    """What the stage prints for the data set `toy` of the source, and its audit, empty where there is none."""
    toy = f"  toy:\n    source: {json.dumps(source)}\n    label_source: human\n    licence: MIT\n{pasted}\n  tweets:\n"
    params = PARAMS.read_text(encoding="utf-8").replace("  tweets:\n", toy, 1)
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    audit = folder / "metrics/audit/toy.json"
    audit.unlink(missing_ok=True)
    printed = CliRunner().invoke(prepare.main, ["toy"]).output
    return printed, read_json(audit) if audit.exists() else {}


def block(printed: str) -> str:
    """The `labels:` that were printed to be pasted."""
    lines = printed[printed.index("    labels:\n") :].splitlines()
    return "\n".join(line for line in lines if line.startswith("    "))


def said(audit: dict[str, Any], start: str) -> str:
    return next((warning for warning in audit["warnings"] if warning.startswith(start)), "")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write rows, and test rows if there are any, as files of the data set; run the stage and give what `run` does."""
    monkeypatch.chdir(tmp_path)
    raw = tmp_path / "data/raw/toy"
    raw.mkdir(parents=True)

    def build(
        held: list[tuple[str, str]], test: list[tuple[str, str]] | None = None, pasted: str = ""
    ) -> tuple[str, dict[str, Any]]:
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
    assert len(audit["classes"]) == len(labels)  # nothing is merged unasked
    assert said(audit, READS).startswith(READS + shown)
    assert said(audit, READS)[:90] in printed.replace("\n", "")
    printed, audit = toy(held, pasted=block(printed))
    assert sorted(audit["classes"]) == sorted(classes)
    assert audit["rows"]["used"] == len(held)
    assert "merged_labels" not in audit and not said(audit, READS) and "    labels:" not in printed


def test_the_mapping_of_150_classes_is_printed_whole(toy: Any) -> None:
    names = [f"{'a rather long name of a class, ' * 3}number {number}" for number in range(150)]
    held = [*rows(*names, times=4), *rows(names[7].upper(), times=3, tag="loud")]
    printed, audit = toy(held)
    assert f"'{names[7][:80]}...' (4 rows)" in said(audit, READS)
    assert len(block(printed).splitlines()) == 152
    assert list(toy(held, pasted=block(printed))[1]["classes"]) == sorted(names)


def test_one_row_under_another_spelling_is_lost_and_named(toy: Any) -> None:
    held = [*rows("good", "bad"), ("a text that stands alone", "GOOD")]
    printed, audit = toy(held)
    assert audit["excluded"] == {"single_row_class": 1}
    assert "'good' (20 rows), 'GOOD' (1 row, left out)" in said(audit, READS)
    audit = toy(held, pasted=block(printed))[1]
    assert audit["excluded"] == {} and audit["rows"]["used"] == 41


def test_many_sets_are_counted(toy: Any) -> None:
    names = [f"{letter}name" for letter in "abcdefg"]
    _, audit = toy(rows(*names, *(name.upper() for name in names), times=5))
    assert said(audit, READS).count("; ") == 4 and " and 2 more. Map them" in said(audit, READS)


def test_what_reads_as_one_class_in_all_has_no_mapping(toy: Any) -> None:
    printed, audit = toy(rows("spam", "Spam"))
    assert "They leave one class, and a comparison needs two." in said(audit, READS)
    assert "    labels:" not in printed


def test_names_in_params_are_read_too(make: Make) -> None:
    audit = make(rows("0", "1", "2"), labels={"0": "bad", "1": "good", "2": "Good"}).audit
    assert "'good' (20 rows), 'Good' (20 rows)" in said(audit, READS)
    assert audit["merged_labels"].splitlines()[1:] == [
        '      "0": "bad"',
        '      "1": "good"',
        '      "2": "good"',
    ]


def test_a_test_label_that_train_lacks_is_named_with_the_nearest(toy: Any) -> None:
    held, tested = rows("good", "bad"), rows("good", "Bad", "goood", "zzz", times=3, tag="test")
    printed, audit = toy(held, tested)
    lost = "The test file holds 'Bad' (3 rows, reads as 'bad'), 'goood' (3 rows, did you mean 'good'?), 'zzz' (3 rows)."
    assert lost in said(
        audit, "Classes Bad, goood, zzz: no row in train, so left out of the classes."
    )
    audit = toy(held, tested, block(printed))[1]
    assert audit["classes"]["bad"]["test"] == 3
    assert audit["excluded"] == {"test_only_label": 6}


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
    assert audit == {}
    assert (
        "of train; it holds '0.0' (10 rows, reads as '0'), '1.0' (10 rows, reads as '1'); see source"
        in printed
    )
    assert toy(held, tested, block(printed))[1]["classes"] == {
        "0": {"train": 16, "validation": 4, "test": 10},
        "1": {"train": 16, "validation": 4, "test": 10},
    }


def test_a_test_file_of_other_labels_stops_with_the_nearest(make: Make) -> None:
    with pytest.raises(
        UserError,
        match=r"it holds 'goood' \(20 rows, did you mean 'good'\?\); see source in params",
    ):
        make(rows("good", "bad"), rows("goood", tag="test"))


def test_unlisted_values_that_read_as_listed_ones_come_with_the_mapping(toy: Any) -> None:
    held = rows("0", "1", "1.0")
    printed, _ = toy(held, pasted='    labels: ["1", "0"]')
    assert "does not list '1.0' (20 rows), did you mean '1'? To make one class of labels" in printed
    assert toy(held, pasted=block(printed))[1]["classes"].keys() == {"0", "1"}


def test_several_labels_in_one_are_named_until_they_are_listed(make: Make) -> None:
    labels = ["bug", "ui", "bug|ui", "ui|bug", "bug|rare"]
    held = [*rows(*labels[:4]), ("this one stands alone", labels[4])]
    found = said(make(held).audit, SEVERAL)
    assert found.startswith(
        f"{SEVERAL}41 of 81 rows: 'bug|rare' (1 row, left out), 'bug|ui' (20 rows), 'ui|bug' (20"
    )
    assert "A comparison takes one label a text: keep one in each row, or" in found
    assert said(make(held, labels=labels).audit, SEVERAL) == ""


def test_labels_that_read_as_missing_are_named_until_they_are_listed(make: Make) -> None:
    given = rows("cards", "N/A", "nan", "-")
    said = "Labels that read as missing are classes: '-' (20 rows), 'N/A' (20 rows), 'nan' (20 rows). Leave them empty"
    assert any(warning.startswith(said) for warning in make(given).audit["warnings"])
    listed = make(given, labels=["cards", "N/A", "nan", "-"]).audit["warnings"]
    assert not any("missing" in warning for warning in listed)


def test_where_no_class_is_left_the_labels_that_read_as_one_are_named(make: Make) -> None:
    held = [*rows("ham"), ("one of them", "Spam"), ("another one", "spam")]
    with pytest.raises(
        UserError, match=r"2 single row class.*separate classes: 'Spam' \(1 row, left out\), 'spam'"
    ):
        make(held)
    combined = [(text, f'["bug", "tag {i}"]') for i, text in enumerate(sentences(9))]
    with pytest.raises(
        UserError, match=r"needs two classes.*Several labels in one, in 9 of 9 rows: .* and 4 more"
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
        assert said(audit, SEVERAL) and "    labels:" not in printed
        return
    assert (audit == {}) == (name == "testfloat")
    assert list(run(tmp_path, source, block(printed))[1]["classes"]) == ALIKE[name]
