import json

import pytest

from slingshot.files.audit import measured_on
from slingshot.files.notes.figures import OneClass
from slingshot.files.pairs import Difference, Pairs
from slingshot.files.points import Point, write_points
from slingshot.metrics import rule
from slingshot.report import inputs
from slingshot.report.advice import rows_to_decide, seeds_may_decide
from slingshot.report.choice import best
from slingshot.report.verdict import decide, judged
from slingshot.settings import DecisionSettings
from tests.report.conftest import NOTHING, Files, pair, related, variances

CASCADES = [{"name": "both", "small": "minilm", "large": "gemma"}]


def words(notes) -> list[str]:
    return [note.words for note in notes]


def decided(files, study, tmp_path, *, required=None, **chosen):
    files.write(tmp_path)
    settings = study(**chosen)
    if required:
        settings = settings.model_copy(update={"decision": DecisionSettings(**NOTHING | required)})
    [results] = inputs.read(settings, tmp_path)
    return decide(results, settings)


def relate(files, difference, half_width, p, verdict, reverse):
    """Set the minilm-gemma pair, as the file has it: minilm first."""
    related(files.pair("minilm", "gemma"), difference, half_width, p, verdict, reverse)


def test_a_better_model_is_fine_tuned(files, study, tmp_path) -> None:
    found = decided(files, study, tmp_path)
    assert (found.decision, found.choice, found.small, found.large) == (
        "fine-tune",
        "minilm",
        "minilm",
        "gemma",
    )
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
def test_as_good_needs_to_be_cheaper(
    files, study, tmp_path, small_cost, verdict, reverse, decision
) -> None:
    relate(files, 0.0, 0.03, 0.8, verdict, reverse)
    files.costs["minilm"]["cost_per_1000_texts"] = small_cost
    assert decided(files, study, tmp_path).decision == decision


@pytest.mark.parametrize(
    ("small_cost", "choice", "reason"),
    [
        (0.001, "minilm", "minilm is behind gemma by less than the margin"),
        (0.5, "gemma", "gemma is better than minilm"),
        (None, "gemma", "gemma is better than minilm"),
    ],
)
def test_a_loss_within_the_margin_is_a_trifle_to_the_cheaper_one(
    files, study, tmp_path, small_cost, choice, reason
) -> None:
    relate(files, -0.01, 0.005, 0.0006, "as good", "better")
    files.costs["minilm"]["cost_per_1000_texts"] = small_cost
    found = decided(files, study, tmp_path)
    assert (found.choice, words(found.reasons)[0]) == (choice, reason)


@pytest.mark.parametrize(
    ("small_cost", "verdict", "reasons"),
    [
        (None, "not resolved", ["neither is shown to be better, or as good"]),
        (
            None,
            "as good",
            ["minilm is as good as gemma", "which of the two costs less is not known"],
        ),
        (0.5, "as good", ["minilm is as good as gemma, but costs more"]),
    ],
)
def test_undecided_gives_the_reason_that_holds(
    files, study, tmp_path, small_cost, verdict, reasons
) -> None:
    relate(files, 0.0, 0.03, 0.8, verdict, "not resolved")
    files.costs["minilm"]["cost_per_1000_texts"] = small_cost
    assert words(decided(files, study, tmp_path).reasons) == reasons


def test_timings_that_overlap_make_nobody_cheaper(files, study, tmp_path) -> None:
    relate(files, 0.0, 0.03, 0.8, "as good", "as good")
    files.costs["gemma"] = {
        **files.costs["minilm"],
        "cost_per_1000_texts": files.costs["minilm"]["cost_per_1000_texts"] * 1.1,
    }
    found = decided(files, study, tmp_path)
    assert found.decision == "undecided"
    assert found.reasons[-1].words == "their costs can't be told apart"


def test_labels_that_count_make_the_model_the_dearer_one(files, study, tmp_path) -> None:
    relate(files, 0.0, 0.03, 0.8, "as good", "as good")
    files.costs["gemma"]["labels"] = 312
    assert decided(files, study, tmp_path).decision == "fine-tune", "labels that are there are sunk"
    assert decided(files, study, tmp_path, required={"count_labels": True}).decision == "prompt"
    many = {"count_labels": True, "monthly_texts": 10_000_000}
    assert decided(files, study, tmp_path, required=many).decision == "fine-tune"


def test_validation_chooses_the_model_and_test_does_not(files, study, tmp_path) -> None:
    files.scores["frozen"]["validation_accuracy"] = 0.99
    found = decided(files, study, tmp_path)
    assert found.small == "frozen"
    assert files.scores["frozen"]["accuracy"] < files.scores["minilm"]["accuracy"]


def test_an_undefined_validation_figure_is_not_chosen(files, study, tmp_path) -> None:
    files.scores["tfidf"]["validation_accuracy"] = None
    files.write(tmp_path)
    [results] = inputs.read(study(), tmp_path)
    assert best([c for c in results.contestants if c.name in ("tfidf", "frozen")]).name == "frozen"


WHY = OneClass(metric="auroc")


def unmeasured(files, *names: str) -> None:
    """Take their validation figure away."""
    for name in names:
        files.scores[name]["validation_accuracy"] = None
        files.intervals[name]["validation_reason"] = WHY.as_json()


def test_one_without_a_figure_is_not_chosen_among_others_and_named(files, study, tmp_path) -> None:
    unmeasured(files, "minilm", "gemma")
    found = decided(files, study, tmp_path)
    assert (found.small, found.large) == ("frozen", "gemma")
    assert found.unranked == {"minilm": WHY}, "gemma is the only LLM"


def test_where_no_model_has_a_figure_none_is_chosen_and_nothing_decided(
    files, study, tmp_path
) -> None:
    unmeasured(files, "tfidf", "frozen", "minilm")
    files.add_cascade("both", 0.9, 0.004)
    found = decided(files, study, tmp_path, cascades=CASCADES)
    assert (found.decision, found.choice, found.small, found.pair) == (
        "undecided",
        None,
        None,
        None,
    )
    assert words(found.reasons) == ["no model can be chosen"]
    assert set(found.unranked) == {"tfidf", "frozen", "minilm"}
    alone = decided(files, study, tmp_path, llms=[])
    assert (alone.decision, alone.choice) == ("no comparison", None)


def test_a_pair_reads_the_same_from_both_sides(files) -> None:
    pairs = Pairs.parse(json.dumps(files.pairs | {"validation": {}}), "pairs", "")
    there, back = pairs.find("minilm", "gemma"), pairs.find("gemma", "minilm")
    assert (back.difference, back.low, back.high) == (-there.difference, -there.high, -there.low)
    assert (back.a_value, back.p) == (there.b_value, there.p)
    assert back.turned() == there
    assert pairs.find("minilm", "nobody") is None


def test_a_pair_without_figures_leaves_it_undecided(files, study, tmp_path) -> None:
    files.pair("minilm", "gemma").update(
        dict.fromkeys(("difference", "low", "high", "variances", *rule.CLAIMS))
    )
    found = decided(files, study, tmp_path)
    assert (found.decision, found.rows_to_decide) == ("undecided", None)


def measured(difference, spread) -> tuple[Difference, Pairs]:
    """A pair of that difference, and its file: 100 test rows, a margin of 0.01."""
    row = {**pair("minilm", "gemma"), "a": "a", "b": "b", "difference": difference}
    file = Files().pairs | {"test_rows": 100, "margin": 0.01, "validation": {}}
    file["pairs"] = [row | {"variances": spread}]
    pairs = Pairs.parse(json.dumps(file), "pairs", "")
    return pairs.pairs[0], pairs


@pytest.mark.parametrize(
    ("difference", "small_is_cheaper", "distance"),
    [
        (0.02, None, 0.02),
        (0.02, True, 0.03),  # 0.01 + 0.02: as good comes first
        (-0.02, False, 0.03),  # the same from the LLM's side
        (-0.02, True, 0.02),  # the cheaper one trails by more than the margin
        (0.0, None, None),
    ],
)
def test_rows_to_decide_have_a_power_of_80_percent(difference, small_is_cheaper, distance) -> None:
    pair, pairs = measured(difference, variances(0.04))
    found = rows_to_decide(pair, small_is_cheaper, pairs)
    # 1.960 + 0.842 standard errors lie between what is measured and what must be excluded.
    wanted = None if distance is None else 100 * (0.04 / 1.960 * 2.802 / distance) ** 2
    assert found == (None if wanted is None else pytest.approx(wanted, rel=0.01))


def test_more_seeds_may_decide_what_rows_would_if_training_were_known() -> None:
    hidden = variances(0.04) | {"training": [{"value": 0.02**2, "df": 2}]}
    ahead, level = (measured(difference, hidden) for difference in (0.02, 0.0))
    assert [rows_to_decide(pair, None, pairs) for pair, pairs in (ahead, level)] == [None, None]
    assert [seeds_may_decide(pair, None, pairs) for pair, pairs in (ahead, level)] == [True, False]
    without, pairs = measured(0.02, variances(0.04))
    assert not seeds_may_decide(without, None, pairs), "no seeds take part"


@pytest.mark.parametrize(
    ("chosen", "choice"), [({"llms": []}, "minilm"), ({"models": []}, "gemma")]
)
def test_one_side_alone_is_no_comparison(files, study, tmp_path, chosen, choice) -> None:
    found = decided(files, study, tmp_path, **chosen)
    assert (found.decision, found.choice) == ("no comparison", choice)


def test_a_cascade_that_is_better_takes_the_place_of_the_one_chosen(files, study, tmp_path) -> None:
    files.add_cascade("both", 0.9, 0.004)
    found = decided(files, study, tmp_path, cascades=CASCADES)
    assert (found.decision, found.choice, found.small, found.large) == (
        "cascade",
        "both",
        "minilm",
        "gemma",
    )
    assert [pair.b for pair in found.cascade_pairs] == ["minilm", "gemma"]
    assert "both is better than minilm" in words(found.reasons)


@pytest.mark.parametrize(("cost", "decision"), [(0.0001, "cascade"), (0.004, "fine-tune")])
def test_one_that_is_only_as_good_must_be_cheaper(files, study, tmp_path, cost, decision) -> None:
    files.add_cascade("both", 0.843, cost)
    related(files.pair("minilm", "both"), -0.001, 0.01, 0.8, "as good", "as good")
    assert decided(files, study, tmp_path, cascades=CASCADES).decision == decision


def test_where_neither_is_chosen_the_cascade_is_not_asked(files, study, tmp_path) -> None:
    relate(files, 0.0, 0.03, 0.8, "not resolved", "not resolved")
    files.add_cascade("both", 0.9, 0.004)
    found = decided(files, study, tmp_path, cascades=CASCADES)
    assert (found.decision, found.deciding) == ("undecided", (("minilm", "gemma"),))


@pytest.mark.parametrize(
    ("verdict", "decision"), [("as good", "fine-tune"), ("not resolved", "cascade")]
)
def test_a_lead_of_the_cascade_within_the_margin_is_a_trifle_where_it_is_dearer(
    files, study, tmp_path, verdict, decision
) -> None:
    files.add_cascade("both", 0.852, 0.004)
    related(files.pair("minilm", "both"), -0.01, 0.005, 0.0006, verdict, "better")
    assert decided(files, study, tmp_path, cascades=CASCADES).decision == decision


def test_the_pairs_that_decide_are_not_corrected_and_the_rest_are(files, study, tmp_path) -> None:
    relate(files, 0.032, 0.031, 0.045, "better", "not resolved")
    files.pair("tfidf", "frozen").update(p=0.02)
    found = decided(files, study, tmp_path)
    assert (found.decision, found.pair.p_corrected, found.deciding) == (
        "fine-tune",
        0.045,
        (("minilm", "gemma"),),
    )
    [results] = inputs.read(study(), tmp_path)
    pairs = judged(results, found).pairs
    rest = pairs.find("tfidf", "frozen")
    assert rest.p_corrected > 0.02 and rest.verdict != "better"


@pytest.mark.parametrize(
    ("required", "decision", "choice", "out"),
    [
        (
            {"latency_p95": 0.1},
            "fine-tune",
            "minilm",
            {"gemma": "it needs up to 0.5 s for 95 of 100 texts, more than 0.1 s"},
        ),
        ({"latency_p95": 0.01}, "fine-tune", "tfidf", {"frozen", "minilm", "gemma"}),
        ({"latency_p95": 0.0001}, "undecided", None, {"tfidf", "frozen", "minilm", "gemma"}),
        (
            {"monthly_texts": 1_000_000, "monthly_budget": 2.0},
            "fine-tune",
            "minilm",
            {"gemma": "1,000,000 texts a month cost EUR 35.20, more than 2.00"},
        ),
    ],
)
def test_who_misses_what_is_required_is_out_with_the_reason(
    files, study, tmp_path, required, decision, choice, out
) -> None:
    relate(files, -0.1, 0.03, 0.001, "worse", "better")
    for name, latency in (("tfidf", 0.005), ("frozen", 0.03), ("minilm", 0.04), ("gemma", 0.5)):
        files.costs[name]["latency_p95"] = latency
    found = decided(files, study, tmp_path, required=required)
    assert (found.decision, found.choice) == (decision, choice)
    if isinstance(out, dict):
        assert {name: found.excluded[name].words for name in out} == out
    assert set(found.excluded) == set(out)


def test_a_latency_of_99_texts_puts_nobody_out(files, study, tmp_path) -> None:
    for name, texts in (("tfidf", 100), ("frozen", 100), ("minilm", 99), ("gemma", None)):
        files.costs[name] |= {"latency_p95": 0.5, "latency_texts": texts}
    found = decided(files, study, tmp_path, required={"latency_p95": 0.1})
    assert set(found.excluded) == {"tfidf", "frozen"}
    assert (found.small, found.large) == ("minilm", "gemma")


def test_a_month_on_an_always_on_machine_pays_it_whole(files, study, tmp_path) -> None:
    files.write(tmp_path)
    settings = study()
    decision = DecisionSettings(**NOTHING | {"monthly_texts": 1000, "monthly_budget": 70.0})
    cost = settings.cost.model_copy(update={"always_on": True})
    settings = settings.model_copy(update={"decision": decision, "cost": cost})
    [results] = inputs.read(settings, tmp_path)
    assert (
        decide(results, settings).excluded["minilm"].words
        == "1,000 texts a month cost EUR 73.00, more than 70.00"
    )


def test_what_was_not_measured_does_not_meet_a_requirement(files, study, tmp_path) -> None:
    files.costs["minilm"]["latency_p95"] = None
    files.costs["gemma"]["cost_per_1000_texts"] = None
    required = {"latency_p95": 9.0, "monthly_texts": 10, "monthly_budget": 9.0}
    for name in ("tfidf", "frozen", "gemma"):
        files.costs[name]["latency_p95"] = 0.1
    found = decided(files, study, tmp_path, required=required)
    assert {name: miss.words for name, miss in found.excluded.items()} == {
        "minilm": "its latency was not measured",
        "gemma": "its cost of prediction is not known",
    }
    assert (found.decision, found.choice) == ("fine-tune", "frozen")


def test_a_cascade_alone_within_the_requirement_is_used(files, study, tmp_path) -> None:
    files.add_cascade("both", 0.7, 0.0001)
    files.costs["both"]["latency_p95"] = 0.1
    found = decided(files, study, tmp_path, required={"latency_p95": 1.0}, cascades=CASCADES)
    assert (found.decision, found.choice, found.small, found.large) == (
        "cascade",
        "both",
        None,
        None,
    )


@pytest.mark.parametrize(("flat", "labels"), [(False, True), (True, False)])
def test_more_labels_are_named_where_the_curve_leads_there(
    files, study, tmp_path, flat, labels
) -> None:
    relate(files, 0.005, 0.03, 0.8, "not resolved", "not resolved")
    files.pair("minilm", "gemma").update(b_value=0.82)
    points = [
        Point(
            "e",
            "c",
            rows / 2400,
            rows,
            0,
            0,
            "minilm",
            "d0",
            *measured_on(files.audit["data"], files.audit["files"]),
            {"accuracy": 0.6 if flat else 0.95 - 2 * rows**-0.35},
        )
        for rows in (150, 300, 600, 1200, 2400)
    ]
    write_points(tmp_path / "metrics/curve/tweets.csv", points)
    found = decided(files, study, tmp_path)
    assert found.rows_to_decide is not None
    if labels:
        # 0.95 - 2 n^-0.35 = 0.82 + 0.03 - 0.02, as minilm is the cheaper one.
        assert found.labels_to_decide == pytest.approx((2 / 0.12) ** (1 / 0.35), abs=2)
    else:
        assert found.labels_to_decide is None


def test_of_two_cascades_the_one_that_is_a_side_alone_takes_no_part(files, study, tmp_path) -> None:
    for name, value in (("never", 0.95), ("both", 0.9)):
        files.add_cascade(name, value, 0.004)
    files.cascades["never"]["alone"] = "small"
    cascades = [{"name": name, "small": "minilm", "large": "gemma"} for name in ("never", "both")]
    found = decided(files, study, tmp_path, cascades=cascades)
    assert (found.decision, found.choice, found.cascade) == ("cascade", "both", "both")
    files.cascades["both"]["alone"] = "large"
    found = decided(files, study, tmp_path, required={"latency_p95": 0.001}, cascades=cascades)
    assert (found.decision, found.cascade) == ("undecided", None)
    assert not {"never", "both"} & set(found.excluded), (
        "they are their sides, who are out themselves"
    )
