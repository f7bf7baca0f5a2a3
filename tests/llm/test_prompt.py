"""The filled-in template, and that no text and no label's name can break it."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from slingshot.files.prompt import Words
from slingshot.files.storage.json_files import write_json
from slingshot.llm.prompt import Prompt, escape_tags, one_line, slugs
from slingshot.settings import UserError

WORDS = Words(text="Tweet", label="Sentiment", instructions=None, descriptions={})
NAMES = ("negative", "neutral", "positive")
RICH = WORDS.model_copy(
    update={
        "instructions": "Irony is negative.\nJudge the author.",
        "descriptions": {"neutral": "states a fact"},
    }
)
RICH_PROMPT = Prompt(RICH, NAMES)


def test_the_completion_of_the_default_study():
    prompt = Prompt(WORDS, NAMES)
    text = prompt.opening() + prompt.before() + " a tweet" + prompt.after() + " neutral"
    assert text == (
        "Classify the sentiment of each tweet as negative, neutral or positive.\n\nTweet: a tweet\nSentiment: neutral"
    )


def test_a_completion_with_instructions_and_descriptions():
    assert Prompt(RICH, NAMES).opening() == (
        "Classify the sentiment of each tweet as negative, neutral or positive. "
        "Irony is negative. Judge the author. neutral: states a fact.\n\n"
    )


def test_a_conversation_lists_the_labels_and_how_to_answer():
    text = Prompt(RICH, ("Very negative", "neutral")).system("name")
    assert "one tweet between <text> and </text>" in text
    assert "Irony is negative.\nJudge the author." in text
    assert "Sentiment, one of:\n- Very negative\n- neutral: states a fact\n" in text
    assert text.endswith("Answer with the sentiment alone, spelt as in the list.")


@pytest.mark.parametrize("answer", ["label", "confidence"])
def test_json_is_asked_for_by_ids(answer):
    text = Prompt(WORDS, ("Very negative", "neutral")).system(answer)
    assert "- very_negative (Very negative)\n- neutral\n" in text
    assert ('"confidence": ' in text) == (answer == "confidence")


def test_a_text_is_folded_to_one_line():
    assert one_line(" a\n\nLabel: b\t c ") == "a Label: b c"


def test_ids_are_slugs_that_differ():
    assert slugs(["Very negative", "very-negative", "É 1", "!"]) == (
        "very_negative",
        "very_negative_2",
        "e_1",
        "label_3",
    )


def test_a_prompt_file_of_another_form_is_named(tmp_path):
    path = tmp_path / "prompt.json"
    WORDS.write(path)
    assert Words.read(path) == WORDS
    write_json(path, {"text": "Tweet", "lable": "Sentiment", "instructions": 3, "descriptions": {}})
    with pytest.raises(UserError) as raised:
        Words.read(path)
    for problem in (
        f"{path}: key 'label' is missing",
        "unknown key 'lable', did you mean 'label'?",
        "instructions: input should be a valid string",
        "; run `dvc repro`",
    ):
        assert problem in raised.value.message


@pytest.mark.parametrize("classes", [2, 3, 77, 150])
def test_any_number_of_classes_is_listed_once_each(classes):
    prompt = Prompt(WORDS, [f"Class {n}" for n in range(classes)])
    assert re.findall(r"^- (\w+) \(", prompt.system("label"), re.MULTILINE) == list(prompt.ids)
    assert len(set(prompt.ids)) == classes


def test_a_template_spelt_out_in_a_text_is_text():
    text = "{{ 7 * 7 }} {% raw %} {# x #} {{ text }}"
    assert Prompt(WORDS, NAMES).question(text) == f"<text>\n{text}\n</text>"


# --- ids -----------------------------------------------------------------------------------------


def test_names_that_differ_in_marks_alone_get_ids_that_differ():
    assert slugs(["a b", "a_b", "A-B", "a b 2"]) == ("a_b_2", "a_b", "a_b_3", "a_b_2_2")
    assert slugs(["好", "坏", "label_0"]) == ("label_0_2", "label_1", "label_0")


@given(st.lists(st.text(max_size=12), min_size=2, max_size=150, unique=True))
@example([f"{chr(0x4E00 + n)}" for n in range(150)])
@example(["?" * n for n in range(1, 151)])
@hypothesis_settings(max_examples=40)
def test_ids_of_any_names_are_unique_slugs(names):
    ids = slugs(names)
    assert len(ids) == len(set(ids)) == len(names)
    assert all(re.fullmatch("[a-z0-9_]+", slug) for slug in ids)
    assert ids == slugs(names)


# --- tags ----------------------------------------------------------------------------------------

CLOSERS = (
    "</text>",
    "<text>",
    "</TEXT >",
    "< / text >",
    "<text lang='en'>",
    "<\u200b/\u200btext\u200b>",
    "</te\u200bxt>",
    "</t\u00ade\ufeffx\u2060t>",
    "</text\n>",
    "<\\/text>",
    "<//text>",
    "＜/text＞",
    "﹤/text﹥",
    "</ｔｅｘｔ>",
    "</𝐭𝐞𝐱𝐭>",
    "</te\u0301xt>",
    "</t-e-x-t>",
    "<</text>>",
    "<" + "\u200b" * 5000 + "/text>",
)


@pytest.mark.parametrize("tag", CLOSERS)
def test_no_spelling_of_the_tag_is_left_open(tag):
    escaped = escape_tags(f"good {tag} <b>and</b> so on")
    assert (
        escaped.replace("&lt;", "<")
        == f"good {tag.replace('＜', '<').replace('﹤', '<')} <b>and</b> so on"
    )
    assert "&lt;" in escaped and escaped.endswith(" <b>and</b> so on")
    assert tags(escaped) == 0


@pytest.mark.parametrize(
    "text", ["a < b", "I <3 this", "<br/>texts", "<p>text</p>", "&lt;/text&gt;", "<<>>", "text>"]
)
def test_what_is_no_such_tag_is_left_as_it_is(text):
    assert escape_tags(text) == text


@given(
    st.lists(
        st.one_of(
            st.sampled_from([*CLOSERS, "<", "/", "text", ">", " ", "\u200b"]), st.text(max_size=5)
        )
    )
)
@hypothesis_settings(max_examples=200)
def test_whatever_a_text_holds_one_pair_of_tags_stands_around_it(parts):
    asked = RICH_PROMPT.question("".join(parts))
    assert asked.startswith("<text>\n") and asked.endswith("\n</text>")
    assert tags(asked) == 2


def test_a_long_text_of_opened_tags_takes_no_time():
    began = time.perf_counter()
    for text in ("<" * 20_000, "<\u200b" * 10_000, "<" + " " * 20_000, "</tex" * 4_000):
        assert escape_tags(text) == text
    assert time.perf_counter() - began < 5


def tags(text: str) -> int:
    """The tags around a text, as a reader sees them who ignores invisible characters, accents and full-width forms."""
    plain = "".join(
        c
        for c in unicodedata.normalize("NFKD", text)
        if unicodedata.category(c) not in ("Cf", "Mn", "Cc")
    )
    return len(re.findall(r"<[\s/\\_-]*t-?e-?x-?t", plain, re.IGNORECASE))
