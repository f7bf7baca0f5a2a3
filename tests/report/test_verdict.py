import pytest

from slingshot.report import inputs
from slingshot.report.verdict import Pair, best, decide, find_pair, rows_to_decide


def decided(files, study, tmp_path, **chosen):
    files.write(tmp_path)
    [results] = inputs.read(study(**chosen), tmp_path)
    return decide(results, "accuracy")


def relate(files, difference, half_width, p_holm, verdict, reverse):
    """Set the minilm-gemma pair, as the file has it: minilm first."""
    files.pair("minilm", "gemma").update(
        difference=difference,
        low=difference - half_width,
        high=difference + half_width,
        p_holm=p_holm,
        verdict=verdict,
        reverse_verdict=reverse,
    )


def test_a_better_model_is_fine_tuned(files, study, tmp_path) -> None:
    found = decided(files, study, tmp_path)
    assert (found.decision, found.choice, found.small, found.large) == ("fine-tune", "minilm", "minilm", "gemma")
    assert found.rows_to_decide is None


def test_a_better_llm_is_prompted(files, study, tmp_path) -> None:
    relate(files, -0.1, 0.03, 0.001, "worse", "better")
    assert decided(files, study, tmp_path).choice == "gemma"


@pytest.mark.parametrize(
    ("small_cost", "verdict", "reverse", "decision"),
    [
        (0.001, "as good", "not resolved", "fine-tune"),
        (0.5, "as good", "not resolved", "undecided"),
        (0.5, "not resolved", "as good", "prompt"),
        (0.001, "not resolved", "as good", "undecided"),
        (0.001, "as good", "as good", "fine-tune"),
        (0.5, "as good", "as good", "prompt"),
        (None, "as good", "as good", "undecided"),
        (0.001, "not resolved", "not resolved", "undecided"),
    ],
)
def test_as_good_needs_to_be_cheaper(files, study, tmp_path, small_cost, verdict, reverse, decision) -> None:
    relate(files, 0.0, 0.03, 0.8, verdict, reverse)
    files.costs["minilm"]["cost_per_1000_texts"] = small_cost
    assert decided(files, study, tmp_path).decision == decision


@pytest.mark.parametrize(
    ("small_cost", "verdict", "reasons"),
    [
        (None, "not resolved", ["neither is better, nor shown to be as good"]),
        (None, "as good", ["the model is as good", "neither is known to be cheaper per 1,000 texts"]),
        (0.5, "as good", ["the model is as good, but dearer per 1,000 texts"]),
    ],
)
def test_undecided_gives_the_reason_that_holds(files, study, tmp_path, small_cost, verdict, reasons) -> None:
    relate(files, 0.0, 0.03, 0.8, verdict, "not resolved")
    files.costs["minilm"]["cost_per_1000_texts"] = small_cost
    assert decided(files, study, tmp_path).reasons == reasons


def test_validation_chooses_the_model_and_test_does_not(files, study, tmp_path) -> None:
    files.scores["frozen"]["validation_accuracy"] = 0.99
    found = decided(files, study, tmp_path)
    assert found.small == "frozen"
    assert files.scores["frozen"]["accuracy"] < files.scores["minilm"]["accuracy"]


def test_an_undefined_validation_figure_is_not_chosen(files, study, tmp_path) -> None:
    files.scores["tfidf"]["validation_accuracy"] = None
    files.write(tmp_path)
    [results] = inputs.read(study(), tmp_path)
    assert best([c for c in results.contestants if c.name in ("tfidf", "frozen")], "accuracy").name == "frozen"


def test_a_pair_reads_the_same_from_both_sides(files) -> None:
    there, back = find_pair(files.pairs, "minilm", "gemma"), find_pair(files.pairs, "gemma", "minilm")
    assert (back.difference, back.low, back.high) == (-there.difference, -there.high, -there.low)
    assert (back.a_value, back.verdict, back.reverse_verdict) == (there.b_value, "worse", "better")


def test_a_pair_without_figures_leaves_it_undecided(files, study, tmp_path) -> None:
    files.pair("minilm", "gemma").update(
        difference=None, low=None, high=None, p_holm=None, verdict="not resolved", reverse_verdict="not resolved"
    )
    found = decided(files, study, tmp_path)
    assert (found.decision, found.rows_to_decide) == ("undecided", None)


@pytest.mark.parametrize(
    ("difference", "small_is_cheaper", "rows"),
    [
        (0.02, None, 400),  # half-width 0.04 at 100 rows must halve
        (0.02, True, 100 * (0.04 / 0.03) ** 2),  # 0.01 + 0.02: as good comes first
        (-0.02, False, 100 * (0.04 / 0.03) ** 2),  # the same from the LLM's side
        (-0.02, True, 400),  # the cheaper one trails by more than the margin
        (0.05, None, None),  # narrow enough already: Holm stands in the way
        (0.0, None, None),
    ],
)
def test_rows_to_decide_scale_with_the_square_of_the_half_width(difference, small_is_cheaper, rows) -> None:
    pair = Pair("a", "b", difference=difference, low=difference - 0.04, high=difference + 0.04)
    found = rows_to_decide(pair, small_is_cheaper, {"test_rows": 100, "margin": 0.01})
    assert found == (None if rows is None else pytest.approx(rows, abs=1))


@pytest.mark.parametrize(("chosen", "choice"), [({"llms": []}, "minilm"), ({"models": []}, "gemma")])
def test_one_side_alone_is_no_comparison(files, study, tmp_path, chosen, choice) -> None:
    found = decided(files, study, tmp_path, **chosen)
    assert (found.decision, found.choice) == ("no comparison", choice)
