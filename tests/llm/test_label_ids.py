"""The ids of labels in requests: ids that were paid for stay, and no id is another label's name."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from slingshot.files.prompt import Words
from slingshot.llm.answer import AnswerKeys, read_text
from slingshot.llm.anthropic.api import connect
from slingshot.llm.asked import asking
from slingshot.llm.prompt import Prompt, slugs
from slingshot.llm.task import PromptTask
from slingshot.settings import AnthropicSettings, Settings, load
from tests.conftest import ROOT

FROZEN = {
    "tweets": (
        ("negative", "neutral", "positive"),
        ("negative", "neutral", "positive"),
        "479fb14f5e4543c1ea45438fa9544e5202c4074d1648253695ccd53ba2d68b89",
    ),
    "snippets": (
        ("very negative", "negative", "neutral", "positive", "very positive"),
        ("very_negative", "negative", "neutral", "positive", "very_positive"),
        "7b56e7384fcf5d5c0515222b75ccfaa4f14eac9844ce3af235b75de33a95edf4",
    ),
    "stars": (
        ("1 star", "2 stars", "3 stars", "4 stars", "5 stars"),
        ("1_star", "2_stars", "3_stars", "4_stars", "5_stars"),
        "fdd6f0c550a0f5168190ddfc3407110a44ed33d26668f662b3936088978a6080",
    ),
    "specialties": (
        ("Cardiovascular / Pulmonary", "ENT - Otolaryngology", "IME-QME-Work Comp etc.", "Urology"),
        ("cardiovascular_pulmonary", "ent_otolaryngology", "ime_qme_work_comp_etc", "urology"),
        "20e56afd0196618746645cf3b5b31df693d6d1f55043c494d6e61f27d2b0ec8e",
    ),
    "other scripts": (
        ("好", "нет", "Größe"),
        ("label_0", "label_1", "groe"),
        "e590b2ff4126827dea44c06c29d830beacd8291566316efa664966194ddfe8b2",
    ),
    "alike": (
        ("a b", "a-b", "A+", "A-", "N/A"),
        ("a_b", "a_b_2", "a", "a_2", "n_a"),
        "4eb23fe0506643c089960654b3e1b813f1c2d87a4f56e8f20432ac5240a01893",
    ),
}
"""Labels, their ids and the digest of a request with them, as they were paid for."""


@pytest.fixture(scope="module")
def params() -> Settings:
    return load(ROOT / "params.yaml")


@pytest.mark.parametrize(("names", "ids", "digest"), FROZEN.values(), ids=list(FROZEN))
def test_what_was_paid_for_is_asked_for_in_the_same_words(names, ids, digest, params):
    assert slugs(names) == ids
    llm = AnthropicSettings(
        provider="anthropic", title="Claude", model="claude-test-1", price="claude_haiku_5_5"
    )
    words = Words(text="Text", label="Label", instructions=None, descriptions={})
    rows = pd.DataFrame({"id": ["r"], "text": ["a lovely phone"], "label": [1], "order": [0]})
    task = PromptTask("toy", "claude", Prompt(words, names), rows, rows, rows, params)
    [[ask], _], _ = asking.questions(llm, task, connect(llm, params))
    assert ask.request == digest


# --- any labels ----------------------------------------------------------------------------------

PIECES = [
    *"aAbB01+-!#_.*\"'` ",
    "  ",
    "é",
    "e\u0301",
    "É",
    "ß",
    "ss",
    "ａ",
    "Ａ",
    "１",
    "\u200b",
    "好",
    "_2",
    "label_0",
]
DECORATIONS = ("{}", "{}\n", '"{}"', "'{}'", "`{}`", "*{}*", "**{}**", "{}.", '"{}".', "**{}.**")


@st.composite
def label_sets(draw):
    """Labels as a file's column gives them, without blanks at the ends. They have few pieces, so they are alike."""
    pieces = draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4))
    name = (
        st.lists(st.sampled_from(pieces), min_size=1, max_size=4)
        .map("".join)
        .map(str.strip)
        .filter(bool)
    )
    return draw(st.lists(name, min_size=2, max_size=6, unique=True))


quickly = hypothesis_settings(max_examples=500)


@given(label_sets())
@example(["-1", "0", "1"])
@example(["x", "*x*", "x.", '"x"', "X"])
@quickly
def test_every_name_and_every_id_means_its_label_and_no_spelling_another(names):
    ids = slugs(names)
    keys = AnswerKeys(ids, names)
    assert len(set(ids)) == len(names) and all(re.fullmatch("[a-z0-9_]+", label) for label in ids)
    for number, (label, name) in enumerate(zip(ids, names, strict=True)):
        others = [other for other in names if other != name]
        assert label not in {*others, *(" ".join(other.casefold().split()) for other in others)}
        for spelling in (
            name,
            f" {name}\n",
            json.dumps({"label": name}),
            f'{{"label": "{label}"}}',
        ):
            assert read_text(spelling, keys).label == number, spelling
        for form in DECORATIONS:
            for spelt in (label, label.upper(), label.title()):
                assert read_text(form.format(spelt), keys).label == number, (form, spelt)
            spelling = form.format(name)
            answer = read_text(spelling, keys)
            assert (
                spelling.strip() in others or answer.label == number or answer.status == "off_list"
            ), spelling


@given(label_sets())
@quickly
def test_ids_are_those_that_were_paid_for_unless_one_of_them_is_another_labels_name(names):
    paid, kept = paid_slugs(names), slugs(names)
    spelt = [" ".join(name.casefold().split()).strip("\"'`.* ").lstrip("+") for name in names]
    taken = [n for n, label in enumerate(paid) if label in spelt[:n] + spelt[n + 1 :]]
    assert (kept == paid) == (not taken)
    if taken:
        assert kept[: taken[0]] == paid[: taken[0]]


def paid_slugs(names):
    """The old rule for ids: the first id that no label before has."""
    labels: list[str] = []
    for number, name in enumerate(names):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or f"label_{number}"
        tries = itertools.chain([slug], (f"{slug}_{n}" for n in itertools.count(2)))
        labels.append(next(label for label in tries if label not in labels))
    return tuple(labels)
