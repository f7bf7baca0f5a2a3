"""Reading what an LLM wrote: a label, a status and class probabilities."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from slingshot.files.codes import FAILED, STATUSES
from slingshot.llm.answer import Answer, AnswerKeys, read_text, verbalised, votes
from slingshot.llm.prompt import slugs

NAMES = ("Card lost", "Top up", "N.A.", "5", "true")
KEYS = AnswerKeys(slugs(NAMES), NAMES)
quickly = hypothesis_settings(max_examples=150)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ('{"label": "card_lost"}', 0),
        ('{"label": "CARD_LOST"}', 0),
        ('{"label": "Card Lost"}', 0),
        (' {"label":"top_up","why":"x"}\n', 1),
        ('```json\n{"label": "top_up"}\n```', 1),
        ('Surely {"label": "top_up"}.', 1),
        ("Top  up", 1),
        ('"top_up"', 1),
        ("**Top up**", 1),
        ("N.A.", 2),
        ("n.a", None),
        ("5", 3),
        ('{"label": 5}', 3),
        ('{"label": true}', 4),
    ],
)
def test_a_label_is_found_as_json_or_alone_by_id_or_name(text, label):
    answer = read_text(text, KEYS)
    assert (answer.status, answer.label) == (
        ("ok", label) if label is not None else ("invalid", FAILED)
    )
    assert answer.text == text


@pytest.mark.parametrize(
    ("text", "truncated", "status"),
    [
        ("", False, "empty"),
        (" \n", False, "empty"),
        ("", True, "truncated"),
        ('{"label": "card_l', True, "truncated"),
        ("top up", True, "truncated"),
        ('{"label": "top_up"}', True, "ok"),
        ('{"label": "positive"}', False, "off_list"),
        ('{"label": "positive"}', True, "off_list"),
        ('{"label": 7}', False, "off_list"),
        ('{"label": ""}', False, "off_list"),
        ('{"label": "top_up, card_lost"}', False, "off_list"),
        ('{"label": null}', False, "invalid"),
        ('{"label": ["top_up"]}', False, "invalid"),
        ('["top_up"]', False, "invalid"),
        ('{"answer": "top_up"}', False, "invalid"),
        ('{"label": "top_up"} or {"label": "card_lost"}', False, "invalid"),
        ("I would say top up.", False, "invalid"),
        ("top up or card lost", False, "invalid"),
    ],
)
def test_what_is_no_answer_says_what_it_is_instead(text, truncated, status):
    answer = read_text(text, KEYS, truncated=truncated)
    assert answer.status == status and (answer.label == FAILED) == (status != "ok")


anything = st.one_of(
    st.text(),
    st.text(alphabet='{}[]":, \n\\label5truecard_ost'),
    st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=5),
            st.sampled_from(NAMES),
        ),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["label", "confidence", "x"]), inner)
        ),
    ).map(json.dumps),
)


@given(anything, st.booleans())
@example("[" * 100_000, False)
@example('{"label":' * 100_000, False)
@example('{"label": ' + "9" * 5000 + "}", False)
@example('{"label": "top_up", "confidence": NaN}', False)
@example('{"label": "top_up", "confidence": 1e999}', True)
@example('{"label": "\\ud800"}', False)
@hypothesis_settings(quickly)
def test_any_string_gives_a_label_of_the_list_or_none_with_a_reason(text, truncated):
    answer = read_text(text, KEYS, truncated=truncated)
    assert answer.status in STATUSES
    assert (
        (answer.label in range(len(NAMES))) == (answer.status == "ok") == (answer.label != FAILED)
    )
    assert answer.confidence is None or 0 <= answer.confidence <= 1
    scores = verbalised(answer, len(NAMES))
    assert scores is None or (scores.min() >= 0 and scores.sum() == pytest.approx(1))


def test_many_opened_braces_take_no_time():
    began = time.perf_counter()
    assert read_text("{" * 200_000, KEYS).status == "invalid"
    assert time.perf_counter() - began < 5


@given(
    st.lists(
        st.text(min_size=1, max_size=10),
        min_size=2,
        max_size=30,
        unique_by=lambda name: name.casefold(),
    )
)
@hypothesis_settings(quickly)
def test_every_id_and_every_name_that_means_one_label_is_found_in_any_capitals(names):
    ids = slugs(names)
    keys = AnswerKeys(ids, names)
    folded = [" ".join(name.casefold().split()) for name in names]
    for number, (slug, name) in enumerate(zip(ids, names, strict=True)):
        for spelt in (slug, slug.upper(), slug.title()):
            assert read_text(json.dumps({"label": spelt}), keys).label == number
        if folded.count(folded[number]) > 1:
            continue
        for spelt in (name, name.upper(), name.swapcase(), f" {name} "):
            if spelt.casefold().split() == name.casefold().split():
                assert read_text(json.dumps({"label": spelt}), keys).label == number


@given(st.sampled_from(NAMES), st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
@hypothesis_settings(quickly)
def test_a_label_alone_is_found_in_any_capitals(name, spell):
    assert read_text(spell(name), KEYS).label == NAMES.index(name)


# --- labels that differ in capitals, blanks or marks alone ---------------------------------------


def read(text, *names):
    """The name of the label that the text means, or the status where it means none."""
    answer = read_text(text, AnswerKeys(slugs(names), names))
    return names[answer.label] if answer.status == "ok" else answer.status


@pytest.mark.parametrize("form", ["{}", " {}\n", '{{"label": "{}"}}', "**{}**", '"{}"', "{}."])
def test_of_names_that_differ_in_capitals_and_blanks_the_exact_one_counts_and_no_other_spelling(
    form,
):
    names = ("US", "us", "a b", "a  b")
    assert [read(form.format(name), *names) for name in names] == list(names)
    assert [read(form.format(spelt), *names) for spelt in ("Us", "A b")] == ["off_list"] * 2
    assert [read(form.format(slug.title()), *names) for slug in slugs(names)] == list(names)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("A*", "A*"),
        ("A* \n", "A*"),
        ('"A*"', "A*"),
        ("`A*`.", "A*"),
        ("**A**", "A"),
        ('"A"', "A"),
        ("*A", "A"),
        ("*", "*"),
        ("**", "invalid"),
        ('"*"', "*"),
        ("C.", "C."),
        ("C.\n", "C."),
        ("C", "C"),
        ('"C."', "C."),
        ("**C.**", "off_list"),
        ("c.", "off_list"),
        ('"x"', '"x"'),
        ("x", "x"),
        ('""x""', '"x"'),
        ('{"label": "\\"x\\""}', '"x"'),
        ('{"label": "C."}', "C."),
        ('{"label": "c."}', "C."),
        ('{"label": "**C**"}', "off_list"),
    ],
)
def test_marks_that_are_a_labels_own_are_none_around_another(text, meant):
    assert read(text, "A*", "A", "*", "C", "C.", '"x"', "x") == meant


NUMBERS = ("-1", "0", "1", "1.50", "1.5", "1e3", "-0", "NaN", "-Infinity", "9" * 5000)


@pytest.mark.parametrize("label", [*NUMBERS, "true"], ids=lambda label: label[:9])
def test_a_number_in_json_is_the_label_that_is_spelt_so(label):
    assert read(f'{{"label": {label}}}', *NUMBERS, "1.0e0", "True").casefold() == label.casefold()
    assert read(f'{{"label": {label}}}', "a", "b") == "off_list"


def test_null_in_json_is_the_label_that_is_spelt_so_and_no_answer_without_one():
    assert read('{"label": null}', "null", "a") == "null"
    assert read('{"label": null}', "Null", "a") == "invalid"
    assert read('{"confidence": 3}', "null", "a") == read("null and void", "null", "a") == "invalid"


def test_a_number_without_a_plus_is_the_label_with_one():
    for names in (("-1", "+1"), ("+1", "-1")):
        assert [read(f'{{"label": {number}}}', *names) for number in (-1, 1, 1.0)] == [
            "-1",
            "+1",
            "off_list",
        ]


def test_composed_and_full_width_letters_are_other_letters():
    names = ("\u00e9", "e\u0301", "e", "us", "\uff55\uff53", "us\u200b")
    assert [read(name, *names) for name in names] == list(names)


# --- scores --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "confidence"),
    [
        (90, 0.9),
        (100, 1.0),
        (0, 0.0),
        (72.5, 0.725),
        (101, None),
        (-1, None),
        ("90", None),
        (True, None),
        (None, None),
    ],
)
def test_a_confidence_is_a_number_from_0_to_100_or_none(stated, confidence):
    answer = read_text(json.dumps({"label": "5", "confidence": stated}), KEYS)
    assert (answer.status, answer.confidence) == ("ok", confidence)


def test_a_stated_confidence_is_the_labels_share_and_the_rest_is_shared_alike():
    assert verbalised(Answer("ok", 1, 0.7), 4).tolist() == pytest.approx([0.1, 0.7, 0.1, 0.1])
    assert verbalised(Answer("ok", 1, 0.1), 4).tolist() == [0.25] * 4, "below chance is chance"
    assert verbalised(Answer("ok", 1), 4) is None
    assert verbalised(Answer("off_list", confidence=0.9), 4) is None


def test_votes_go_to_the_most_frequent_label_and_ties_to_the_first_cast():
    cast = [Answer("ok", label) for label in (2, 0, 0, 2)]
    label, shares = votes(cast, 3)
    assert label == 2 and shares.tolist() == [0.5, 0, 0.5]
    label, shares = votes([*cast, Answer("ok", 0)], 3)
    assert label == 0 and shares.tolist() == pytest.approx([0.6, 0, 0.4])


def test_failed_samples_cast_no_vote():
    label, shares = votes([Answer("refused"), Answer("ok", 1), Answer("off_list")], 3)
    assert label == 1 and shares.tolist() == [0, 1, 0]
    assert votes([Answer("refused"), Answer("empty")], 3) == (FAILED, None)


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=9), st.integers(5, 8))
@hypothesis_settings(quickly)
def test_shares_of_votes_are_probabilities_and_the_winner_has_the_largest(cast, classes):
    label, shares = votes([Answer("ok" if n >= 0 else "invalid", n) for n in cast], classes)
    assume(label != FAILED)
    assert shares.sum() == pytest.approx(1) and shares[label] == np.max(shares)
