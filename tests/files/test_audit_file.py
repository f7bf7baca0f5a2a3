"""metrics/audit/D.json: every note comes back from the file with its words, and what is wrong in it is one error."""

from __future__ import annotations

import inspect
import types
from datetime import date
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slingshot.files.audit import Audit
from slingshot.files.notes import audits, labels
from slingshot.files.notes.audits import OfAudit, Ungrouped
from slingshot.files.notes.base import Note, sentence
from slingshot.files.storage.json_files import read_json, write_json
from slingshot.files.storage.record import Record
from slingshot.settings import UserError

KINDS: tuple[type[Note], ...] = get_args(get_args(OfAudit)[0])
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
COUNTS = st.integers(0, 10**7)
LARGEST = {"largest_rows": 2, "largest_share": 0.2, "largest_text": "a text"}
AUDIT = Audit.model_validate(
    {
        "rows": {"source": 11, "used": 10, "train": 6, "validation": 2, "test": 2},
        "wanted_rows": {"validation": 2, "test": 2},
        "excluded": {"empty_text": 1},
        "classes": {name: {"train": 3, "validation": 1, "test": 1} for name in ("a", "b")},
        "duplicates": {
            "distinct_texts": 9,
            "exact_rows": 2,
            "near_groups": 0,
            "near_rows": 0,
            "conflicting_texts": 0,
            "conflicting_groups": 0,
            "short_not_joined": 0,
        },
        "ceiling": {"test": {"within": 1.0, "whole": 1.0}, "all": {"within": 1.0}},
        "shared_texts": None,
        "groups": LARGEST | {"count": 9, "splits": dict.fromkeys(("train", "test"), LARGEST)},
        "words": {"mean": 2.5, "median": 2.0, "p95": 4.0, "max": 5},
        "label_source": "human",
        "licence": "MIT",
        "description": "text",
        "published": date(2014, 6, 1),
        "may_leave": True,
        "hub_id": None,
        "revision": None,
        "majority": {
            "label": "a",
            "accuracy": 0.5,
            "balanced_accuracy": 0.5,
            "macro_f1": 0.3,
            "log_loss": 0.7,
            "brier": 0.5,
            "auroc": None,
        },
        "warnings": (Ungrouped(rows=3),),
        "merged_labels": None,
        "data": "d" * 64,
        "files": {"test.parquet": "5" * 32},
    }
)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a note's field, or of a record in it."""
    if inspect.isclass(kind) and issubclass(kind, Record):
        return st.builds(
            kind,
            **{
                name: values(hint)
                for name, hint in get_type_hints(kind).items()
                if name in kind.model_fields
            },
        )
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return st.sampled_from(arguments)
    if get_origin(kind) is tuple:
        return st.lists(values(arguments[0]), min_size=1, max_size=8).map(tuple)
    if get_origin(kind) in (Union, types.UnionType):
        return st.one_of(*map(values, arguments))
    known = {int: COUNTS, float: st.floats(0, 1), str: TEXT, bool: st.booleans()}
    return st.none() if kind is type(None) else known[kind]


def test_every_note_is_in_the_union() -> None:
    defined = {
        kind
        for module in (audits, labels)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Note) and kind is not Note
    }
    assert defined == set(KINDS)
    codes = [kind.model_fields["code"].default for kind in KINDS]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_note_comes_back_from_the_file_with_its_words(
    kind: type[Note], tmp_path: Path, data: st.DataObject
) -> None:
    note = data.draw(values(kind))
    path = tmp_path / "audit.json"
    AUDIT.model_copy(update={"warnings": (note,)}).write(path)
    (again,) = Audit.read(path).warnings
    assert again == note and type(again) is kind
    assert again.words == note.words
    assert note.words and not note.words.endswith(".")
    assert sentence(note.words).endswith(".")


def test_labels_are_shown_in_quotes_with_what_cannot_be_seen_and_cut() -> None:
    label = labels.LabelRows(label="\x1b[31m\u200b" + "x" * 100, rows=1)
    shown = r"\u001b[31m\u200b" + "x" * 100
    assert label.words == f"'{shown[:80]}...' (1 row, left out)"
    lost = labels.UntrainedLabel(label="caf\u00e9\u202e", rows=2, same=None, close="cafe\u0301")
    assert lost.words == r"'café\u202e' (2 rows, did you mean 'cafe\u0301'?)"


def test_a_text_of_a_group_is_shown_in_quotes() -> None:
    note = audits.LargeGroup(share=0.25, rows=5, text="a\x1b[2J\n'b'")
    assert note.words.endswith(r'''one of its texts is "a\x1b[2J\n'b'"''')


def test_an_audit_comes_back_from_its_file(tmp_path: Path) -> None:
    AUDIT.write(tmp_path / "audit.json")
    assert Audit.read(tmp_path / "audit.json") == AUDIT
    assert read_json(tmp_path / "audit.json")["published"] == "2014-06-01"


def error(path: Path, value: dict[str, Any]) -> str:
    """The error of a file that holds `value`."""
    write_json(path, value)
    with pytest.raises(UserError) as raised:
        Audit.read(path)
    return raised.value.message


def test_what_is_wrong_names_the_file_the_key_and_the_remedy(tmp_path: Path) -> None:
    path, whole = tmp_path / "audit.json", AUDIT.as_json()
    assert error(path, whole | {"licences": "MIT"}) == (
        f"{path}: unknown key 'licences', did you mean 'licence'?; run `dvc repro`"
    )
    assert error(path, whole | {"ceiling": whole["ceiling"] | {"meaning": {}}}) == (
        f"{path}: unknown key 'ceiling.meaning'; run `dvc repro`"
    )
    lacking = {key: value for key, value in whole.items() if key != "rows"}
    assert error(path, lacking) == f"{path}: key 'rows' is missing; run `dvc repro`"
    for note in ("a sentence", {"code": "ungruoped", "rows": 1}, {"code": "ungrouped", "row": 1}):
        message = error(path, whole | {"warnings": [note]})
        assert message.startswith(f"{path}: ") and message.endswith("; run `dvc repro`")
        assert "warnings.0" in message


def test_two_splits_of_the_same_rows_are_told_apart() -> None:
    data, split = AUDIT.measured_on
    assert data == "d" * 12
    other = AUDIT.model_copy(update={"files": {"test.parquet": "6" * 32}})
    assert other.measured_on[0] == data and other.measured_on[1] != split


def test_the_majority_has_a_figure_of_some_metrics() -> None:
    assert AUDIT.majority.figure("accuracy") == 0.5
    assert AUDIT.majority.figure("auroc") is None
    assert AUDIT.majority.figure("ece") is None and AUDIT.majority.figure("label") is None
