"""Examples nearest to each text by a frozen encoder: they come from the pool alone, and are the same in every run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from slingshot.files.rows import read_rows
from slingshot.llm import shots
from slingshot.pretrained.encoder import Encoder
from slingshot.settings import Checkpoint, RunSettings
from tests.conftest import NAMES, make_rows, write_toy
from tests.llm.conftest import Asked, text_of

ROWS = 12


@pytest.fixture(autouse=True)
def few(request):
    if "asked" in request.fixturenames:
        asked = request.getfixturevalue("asked")
        write_toy(asked.root, "test", make_rows(10, 3, "e"))
        write_toy(asked.root, "validation", make_rows(2, 2, "v"))


def near(asked: Asked, encoder: Path, **changes) -> None:
    settings = {
        "selection": "nearest",
        "encoder": {"checkpoint": str(encoder), "max_length": 32},
        "shots": 3,
    }
    asked.llm(**(settings | changes))


def examples(asked: Asked) -> dict[str, list[tuple[str, str]]]:
    """Text -> the examples that were sent with it, in order."""
    shown = {}
    for body in asked.sent:
        turns = [message["content"][0]["text"] for message in body["messages"][:-1]]
        shown[text_of(body)] = list(zip(turns[::2], turns[1::2], strict=True))
    return shown


def test_every_example_is_a_row_of_the_pool_with_its_own_label(asked, encoder):
    near(asked, encoder)
    asked.run()
    pool = read_rows(asked.root / "data/shots/toy.parquet")
    known = {
        f"<text>\n{text}\n</text>": f'{{"label": "{NAMES[label]}"}}'
        for text, label in zip(pool["text"], pool["label"], strict=True)
    }
    shown = examples(asked)
    assert len(shown) == ROWS and all(len(chosen) == 3 for chosen in shown.values())
    assert all(
        known[question] == answer for chosen in shown.values() for question, answer in chosen
    )
    assert len({json.dumps(chosen) for chosen in shown.values()}) > 1, (
        "they differ from text to text"
    )
    assert asked.usage().train_rows == len(pool)


def test_they_are_the_nearest_by_cosine_the_nearest_last(asked, encoder):
    near(asked, encoder)
    asked.run()
    pool = read_rows(asked.root / "data/shots/toy.parquet")
    model = Encoder.of(Checkpoint(checkpoint=str(encoder), max_length=32), "cpu")
    states = model.embed(pool["text"].tolist(), "pool")
    for text, chosen in examples(asked).items():
        cosines = dict(zip(pool["text"], states @ model.embed([text], "text")[0], strict=True))
        shown = [
            cosines[question.removeprefix("<text>\n").removesuffix("\n</text>")]
            for question, _ in chosen
        ]
        assert shown == pytest.approx(sorted(cosines.values())[-3:], abs=2e-4)
        assert all(np.diff(shown) > -2e-4)


def test_another_run_asks_nothing_else(asked, encoder):
    near(asked, encoder)
    asked.run()
    before = (asked.root / "data/answers/toy/claude.parquet").read_bytes()
    asked.server.requests.clear()
    assert f"{ROWS} answers replayed, 0 asked for" in asked.run().stdout
    assert (asked.root / "data/answers/toy/claude.parquet").read_bytes() == before
    assert asked.server.requests == []


def test_the_instructions_alone_are_marked_for_the_cache(asked, encoder):
    near(asked, encoder, cache_from=64)
    asked.run()
    for body in asked.sent:
        assert "cache_control" in body["system"][-1]
        assert not any(
            "cache_control" in block for message in body["messages"] for block in message["content"]
        )


def test_no_shots_need_no_encoder(asked):
    near(asked, Path("nowhere"), shots=0)
    asked.run()
    assert {len(body["messages"]) for body in asked.sent} == {1} and asked.usage().train_rows == 0


def test_ties_go_to_the_earlier_row_whatever_is_embedded_beside(encoder):
    pool = make_rows(24).assign(
        text=lambda rows: ["the superb phone"] * 12 + [f"a plain box {n}" for n in range(12)]
    )
    settings, run = (
        Checkpoint(checkpoint=str(encoder), max_length=32),
        RunSettings(threads=1, device="cpu"),
    )
    nearest = shots.Nearest(pool, settings, run)
    [alone] = nearest.of(["the superb phone"], 3)
    assert alone["order"].tolist() == [2, 1, 0]
    texts = ["the superb phone", *make_rows(40, 5)["text"]]
    together = nearest.of(texts, 3)
    assert together[0]["order"].tolist() == [2, 1, 0]
    [more] = nearest.of(["the superb phone"], 99)
    assert len(more) == 24, "a pool that is too small gives what it has"
