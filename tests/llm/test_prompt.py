from slingshot.llm import prompt
from tests.conftest import make_rows


def test_shots_are_the_first_of_each_class_in_nested_order():
    pool = make_rows(40)
    shots = prompt.select_shots(pool, 4)
    assert shots["label"].value_counts().to_dict() == {0: 4, 1: 4, 2: 4}
    assert shots["order"].tolist() == list(range(12))
    fewer = prompt.select_shots(pool, 2)
    assert set(fewer["id"]) < set(shots["id"])


def test_a_class_with_few_rows_gives_what_it_has():
    pool = make_rows(40)
    pool = pool[(pool["label"] != 1) | (pool["order"] < 3)]
    assert prompt.select_shots(pool, 4)["label"].value_counts()[1] == 1


def test_a_text_is_folded_to_one_line():
    assert prompt.fold(" a\n\nLabel: b\t c ") == "a Label: b c"
