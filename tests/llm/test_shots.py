"""Which rows of train become an LLM's examples."""

import pytest

from slingshot.llm import shots
from slingshot.settings import Checkpoint, RunSettings
from tests.conftest import make_rows


def test_stratified_shots_are_the_first_of_each_class_in_nested_order():
    pool = make_rows(40)
    chosen = shots.select(pool, 4, "stratified")
    assert chosen["label"].value_counts().to_dict() == {0: 4, 1: 4, 2: 4}
    assert chosen["order"].tolist() == list(range(12))
    fewer = shots.select(pool, 2, "stratified")
    assert set(fewer["id"]) < set(chosen["id"])


def test_a_class_with_few_rows_gives_what_it_has():
    pool = make_rows(40)
    pool = pool[(pool["label"] != 1) | (pool["order"] < 3)]
    assert shots.select(pool, 4, "stratified")["label"].value_counts()[1] == 1


def test_fixed_shots_are_the_first_rows_as_they_come():
    pool = make_rows(40)
    assert shots.select(pool, 5, "fixed")["id"].tolist() == pool["id"].tolist()[:5]


@pytest.mark.parametrize("selection", ["fixed", "stratified"])
def test_there_may_be_no_shots(selection):
    assert len(shots.select(make_rows(40), 0, selection)) == 0


def test_nearest_shots_end_with_the_nearest(encoder):
    pool = make_rows(30)
    near = shots.Nearest(
        pool, Checkpoint(checkpoint=str(encoder), max_length=32), RunSettings(threads=1)
    )
    three, single = (near.of([pool["text"][7], pool["text"][20]], count) for count in (3, 1))
    assert (
        [rows["id"].iloc[-1] for rows in three]
        == [rows["id"].iloc[0] for rows in single]
        == ["row7", "row20"]
    )
    assert [len(set(rows["id"])) for rows in three] == [3, 3]


def test_of_equally_near_rows_the_earlier_is_nearer(encoder):
    pool = make_rows(5)
    pool["text"] = "the same phone"
    near = shots.Nearest(
        pool, Checkpoint(checkpoint=str(encoder), max_length=32), RunSettings(threads=1)
    )
    (rows,) = near.of(["a box"], 3)
    assert rows["id"].tolist() == ["row2", "row1", "row0"]
