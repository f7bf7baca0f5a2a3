"""What each architecture reads: its special tokens, segments and padding, and how long texts are cut or slid over."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slingshot.pretrained.inputs import Inputs, cut
from tests.tiny_checkpoints import ARCHITECTURES

IDS = st.integers(0, 400).map(lambda count: np.arange(count, dtype=np.int32))
SPELT = "the phone </s> <pad> came <cls> with [SEP] a <sep> cable [PAD] </s>"


def inputs(folder, **more):
    from transformers import AutoTokenizer

    return Inputs(AutoTokenizer.from_pretrained(folder), **{"max_length": 32, **more})


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_ids_are_the_tokenizers_own(tiny, name):
    from transformers import AutoTokenizer

    own = AutoTokenizer.from_pretrained(tiny[name])
    texts = ["the phone came with a cable", "a", "box " * 50, "it was lovely; in my box?"]
    expected = own(texts, truncation=True, max_length=32)["input_ids"]
    assert [rows[0].tolist() for rows in inputs(tiny[name]).windows(texts)] == expected


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_special_tokens_that_a_text_spells_out_are_text(tiny, name):
    made = inputs(tiny[name], max_length=200)
    [[row]] = made.windows([SPELT])
    special = set(made.tokenizer.all_special_ids) - {made.tokenizer.unk_token_id}
    frame = [*made.special.before, *made.special.after]
    assert [i for i in row if i in special] == frame
    assert len(frame) == (1 if name == "t5" else 2)


def test_xlnet_is_padded_left_and_given_its_segments(tiny):
    made = inputs(tiny["xlnet"])
    rows = [rows[0] for rows in made.windows(["the phone came with a cable", "a phone"])]
    batch = made.collate(rows, "cpu")
    short = len(rows[1])
    assert batch["attention_mask"][1].tolist() == [0] * (len(rows[0]) - short) + [1] * short
    assert batch["input_ids"][1, -1] == made.tokenizer.cls_token_id
    assert batch["token_type_ids"][0].tolist() == [0] * (len(rows[0]) - 1) + [2]


def test_t5_ends_in_exactly_one_end_token_even_where_it_is_cut(tiny):
    made = inputs(tiny["t5"], max_length=8)
    for row in (rows[0] for rows in made.windows([SPELT, "box " * 50, "a"])):
        assert (row == made.tokenizer.eos_token_id).sum() == 1 and row[
            -1
        ] == made.tokenizer.eos_token_id
        assert len(row) <= 8


def test_distilbert_takes_no_segments(tiny):
    made = inputs(tiny["distilbert"])
    assert set(made.collate([made.windows(["a phone"])[0][0]], "cpu")) == {
        "input_ids",
        "attention_mask",
    }


@given(IDS, st.integers(2, 50), st.sampled_from(["head", "tail", "head_tail"]))
def test_a_cut_text_fills_the_room(ids, room, truncation):
    [part] = cut(ids, room, truncation, 0.5)
    assert len(part) == min(len(ids), room)
    assert (np.diff(part) > 0).all()
    if truncation != "tail":
        assert part[:1].tolist() == ids[:1].tolist()
    if truncation != "head":
        assert part[-1:].tolist() == ids[-1:].tolist()


@given(IDS, st.integers(2, 50), st.floats(0, 0.99))
def test_windows_cover_the_text_and_overlap(ids, room, overlap):
    parts = cut(ids, room, "windows", overlap)
    assert np.unique(np.concatenate(parts)).tolist() == ids.tolist()
    assert all(len(part) == min(len(ids), room) for part in parts)
    starts = [int(part[0]) for part in parts if len(part)]
    assert sorted(set(starts)) == starts
    assert all(
        later - earlier <= max(1, round(room * (1 - overlap)))
        for earlier, later in itertools.pairwise(starts)
    )
