import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from slingshot.metrics import rule
from slingshot.report import inputs, words
from slingshot.settings import DecisionSettings
from tests.report.conftest import NOTHING, SMALL, related

TITLE = "Gemma 3 270m (a 268M-parameter local stand-in)"


def written(files, study, tmp_path, **chosen):
    files.write(tmp_path)
    settings = study(**chosen)
    [results] = inputs.read(settings, tmp_path)
    return words.verdict(results, settings)


def figures(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from figures(item)
    elif isinstance(value, int | float):
        yield float(value)


def unexplained(verdict, files) -> list[str]:
    """Numbers of the paragraph that no file holds, at the precision that they are printed with."""
    held = [
        abs(f)
        for f in figures([files.audit, files.scores, files.intervals, files.costs, files.pairs])
    ]
    held += [*figures([verdict.totals, asdict(verdict.pay_back)]), 12, 100_000, 1_200_000]
    text = verdict.words.replace(TITLE, "").replace("1,000 texts", "")
    text = re.sub(r"[Aa]bout [\d,]+ (test rows|of them)", "", text)
    text = re.sub(r"with \d seeds?|in 80 of 100 studies", "", text)
    wrong = []
    for token in re.findall(r"\d[\d,]*(?:\.\d+)?%?", text):
        number = float(token.strip(",%").replace(",", "")) / (100 if "%" in token else 1)
        decimals = len(token.partition(".")[2])
        half = 1e-9 if "%" in token else 0.5000001 * 10**-decimals
        if not any(abs(number - figure) <= half for figure in held):
            wrong.append(token)
    return wrong


def test_the_paragraph_says_what_the_files_hold_and_nothing_else(files, study, tmp_path) -> None:
    found = written(files, study, tmp_path)
    assert unexplained(found, files) == []
    assert found.words.startswith("Fine-tune minilm. Over 840 test rows minilm has accuracy 0.842")
    assert "+0.101 (95% interval +0.070 to +0.132), p < 0.0001" in found.words
    assert f"EUR 0.0352 with {TITLE}" in found.words
    files.costs["gemma"]["cost_per_1000_texts"] = 9.9
    assert unexplained(found, files) == ["0.0352"], "the test must notice a number from nowhere"


def test_where_the_model_stands_against_cheaper_ones_is_one_sentence(
    files, study, tmp_path
) -> None:
    files.costs["frozen"]["cost_per_1000_texts"] = 1.0
    [last] = re.findall(r"Against the[^;]*$", written(files, study, tmp_path).words)
    assert (
        last
        == "Against the cheaper model, minilm is better than tfidf, +0.110 (95% interval +0.079 to +0.141)."
    )


def test_the_cheapest_model_has_none_to_stand_against(files, study, tmp_path) -> None:
    files.costs["minilm"]["cost_per_1000_texts"] = 1e-9
    assert "cheaper model" not in written(files, study, tmp_path).words


RECIPE = "The recipe, that is any training of minilm, is"


def test_under_three_seeds_claims_are_of_the_trained_models_and_the_recipe_stands_beside(
    files, study, tmp_path
) -> None:
    wide = {"low": -0.01, "high": 0.212, "p": 0.07, "p_as_good": SMALL, "p_reverse_as_good": 0.9}
    files.pair("minilm", "gemma")["recipe"] = wide
    found = written(files, study, tmp_path)
    assert found.words.startswith("Fine-tune minilm.")
    assert "These are claims of the models trained here." in found.words
    told = f"{RECIPE} as good as {TITLE}, +0.101 (95% interval −0.010 to +0.212), if training seeds have a standard "
    assert f"{told}deviation of 0.012 (metrics.seed_sd)." in found.words
    assert unexplained(found, files) == []
    wide["p_as_good"] = 0.3
    found = written(files, study, tmp_path)
    assert f"{RECIPE} not resolved against {TITLE}" in found.words
    assert "More training seeds may tell more." in found.words
    few = "Models trained on fewer than 1,000 rows may vary two to four times as much"
    assert few not in found.words
    files.scores["minilm"]["train_rows"] = 191
    assert few in written(files, study, tmp_path).words


def test_from_three_seeds_on_claims_are_of_the_recipe(files, study, tmp_path) -> None:
    files.intervals["minilm"]["seeds"] = [{"seed": seed, "accuracy": 0.842} for seed in range(3)]
    words = written(files, study, tmp_path).words
    assert (
        "These are claims of the recipe: intervals hold what 3 training seeds differ by." in words
    )
    assert RECIPE not in words


def test_nothing_is_said_of_training_where_nobody_was_trained(files, study, tmp_path) -> None:
    files.intervals["minilm"]["seeds"] = [{"seed": -1, "accuracy": 0.842}]
    assert "claims of the" not in written(files, study, tmp_path).words


def test_few_groups_are_said_with_the_verdict(files, study, tmp_path) -> None:
    files.pairs.update(groups=84, notes=["84 test groups: intervals rest on these, not on rows"])
    found = written(files, study, tmp_path)
    assert "84 test groups: intervals rest on these, not on rows." in found.words
    assert unexplained(found, files) == []


def test_undecided_says_how_many_rows_would_decide(files, study, tmp_path) -> None:
    related(files.pair("minilm", "gemma"), 0.004, 0.04, 0.9, "not resolved", "not resolved")
    found = written(files, study, tmp_path)
    assert found.rows_to_decide == pytest.approx(
        840 * (0.04 / 1.960 * 2.802 / 0.024) ** 2, rel=0.03
    )
    assert found.words.startswith(f"Undecided between fine-tuning minilm and prompting {TITLE}.")
    assert "About 4,700 test rows would decide it in 80 of 100 studies" in found.words
    assert unexplained(found, files) == []
    files.pairs["groups"] = 84
    assert (
        "test rows, in as many more groups like these, would decide it"
        in written(files, study, tmp_path).words
    )


def test_where_no_number_of_rows_would_decide_more_seeds_may(files, study, tmp_path) -> None:
    pair = files.pair("minilm", "gemma")
    related(pair, 0.004, 0.04, 0.9, "not resolved", "not resolved")
    said = "No number of test rows would decide it in 80 of 100 studies"
    assert said not in written(files, study, tmp_path).words
    pair["variances"]["training"] = [{"value": 0.02**2, "df": 2}]
    words = written(files, study, tmp_path).words
    measured = "were the difference, and what training seeds differ by, truly as measured"
    assert f"{said}, {measured}. More training seeds may." in words


def test_a_file_of_before_the_variances_says_how_to_learn_the_rows(files, study, tmp_path) -> None:
    pair = files.pair("minilm", "gemma")
    related(pair, 0.004, 0.04, 0.9, "not resolved", "not resolved")
    del pair["variances"]
    words = written(files, study, tmp_path).words
    assert "`dvc repro` tells how many rows would decide it." in words
    assert "No number of test rows" not in words


def test_a_failed_pair_is_said_with_its_reason(files, study, tmp_path) -> None:
    files.pair("minilm", "gemma").update(
        dict.fromkeys(
            ("a_value", "b_value", "difference", "low", "high", "variances", *rule.CLAIMS)
        ),
        notes=["gemma: the contestant gives no scores"],
    )
    text = written(files, study, tmp_path).words
    assert "could not be compared (gemma: the contestant gives no scores)" in text
    assert "None" not in text


def test_a_missing_pair_and_missing_costs_do_not_crash(files, study, tmp_path) -> None:
    files.pairs["pairs"] = []
    for cost in files.costs.values():
        cost.update(dict.fromkeys(cost.keys() - {"labels", "labelling_cost", "train_rows"}))
    found = written(files, study, tmp_path)
    assert found.decision == "undecided"
    assert "an unknown sum" in found.words


def test_without_an_llm_the_models_are_compared(files, study, tmp_path) -> None:
    text = written(files, study, tmp_path, llms=[]).words
    assert text.startswith("No LLM takes part")
    assert "better than frozen, +0.061" in text


def test_who_has_no_figure_to_be_chosen_by_is_said(files, study, tmp_path) -> None:
    for name in ("tfidf", "minilm"):
        files.scores[name]["validation_accuracy"] = None
        files.intervals[name]["notes"] = ["validation_accuracy: no validation row is predicted"]
    said = "could not be chosen by accuracy on validation rows (no validation row is predicted)."
    text = written(files, study, tmp_path).words
    assert text.startswith("Fine-tune frozen.") and f"tfidf and minilm {said}" in text
    assert "may decide it" not in text
    text = written(files, study, tmp_path, models=["tfidf", "minilm"], llms=[]).words
    assert text.startswith(
        "No LLM takes part, so fine-tuning is not compared with prompting. No model can be chosen."
    )
    assert text.endswith(f"tfidf and minilm {said}")


def test_without_anyone_it_says_so(files, study, tmp_path) -> None:
    assert "nothing to compare" in written(files, study, tmp_path, llms=[], models=[]).words


def required(files, study, tmp_path, cascades=(), **decision):
    """The words under a requirement."""
    files.write(tmp_path)
    settings = study(cascades=list(cascades)).model_copy(
        update={"decision": DecisionSettings(**NOTHING | decision)}
    )
    [results] = inputs.read(settings, tmp_path)
    return words.verdict(results, settings)


def test_who_is_out_is_named_with_the_reason(files, study, tmp_path) -> None:
    for name, latency in (("tfidf", 0.005), ("frozen", 0.03), ("minilm", 0.04), ("gemma", 0.51)):
        files.costs[name]["latency_p95"] = latency
    text = required(files, study, tmp_path, latency_p95=0.1).words
    assert text.startswith("Fine-tune minilm. No LLM meets what is required.")
    assert f"{TITLE} is out: 95 of 100 texts take it up to 0.510 s, more than 0.1." in text
    text = required(files, study, tmp_path, latency_p95=0.001).words
    assert text.startswith("Undecided. No model and no LLM meets what is required.")


def test_a_latency_of_too_few_texts_is_said(files, study, tmp_path) -> None:
    for name in ("tfidf", "frozen", "minilm", "gemma"):
        files.costs[name] |= {"latency_p95": 0.5, "latency_texts": 99 if name == "minilm" else 100}
    text = required(files, study, tmp_path, latency_p95=0.1).words
    why = "95 of 100 texts take it up to 0.500 s, by 99 single texts, but 100 are needed"
    assert f"minilm is not judged by its latency: {why}." in text
    assert "not judged by its latency" not in required(files, study, tmp_path).words


def test_both_totals_are_said_and_what_is_assumed(files, study, tmp_path) -> None:
    files.costs["gemma"]["labels"] = 312
    text = required(files, study, tmp_path).words
    assert (
        "Over 12 months (assumed) of 100,000 texts (assumed) each, on a machine paid by use, training and "
        in text
    )
    assert (
        f"prediction cost EUR 1.82 with minilm and EUR 42.2 with {TITLE}; with labels, EUR 338 and EUR 73.4."
        in text
    )
    assert f"minilm is cheaper than {TITLE}." in text
    text = required(
        files, study, tmp_path, count_labels=True, monthly_texts=5000, horizon_months=24
    ).words
    assert (
        "Over 24 months of 5,000 texts each, on a machine paid by use, training, labels and prediction cost"
        in text
    )
    assert f"{TITLE} is cheaper than minilm." in text and "assumed" not in text
    assert "minilm starts dearer" in text and "still to be paid for" not in text


def test_when_a_dearer_start_pays_back_is_said_in_texts(files, study, tmp_path) -> None:
    files.costs["gemma"]["labels"] = 312
    start = (
        "Where labels are still to be paid for, minilm starts dearer by EUR 305 (3,360 labels of training and "
        "validation rows against 312). "
    )
    after = "Its texts pay that back after about 9,000,000 of them, "
    assert (
        f"{start}{after}more than the 1,200,000 of that time."
        in required(files, study, tmp_path).words
    )
    many = required(files, study, tmp_path, monthly_texts=1_000_000).words
    assert f"{start}{after}within the 12,000,000 of that time." in many
    files.costs["minilm"]["cost_per_1000_texts"] = files.costs["gemma"]["cost_per_1000_texts"]
    text = required(files, study, tmp_path).words
    assert f"{start}No number of texts is known to pay that back." in text
    assert "Their costs can't be told apart." in text


def test_without_an_llm_those_out_are_left_out_of_the_comparison(files, study, tmp_path) -> None:
    for name, latency in (("tfidf", 0.005), ("frozen", 0.03), ("minilm", 0.4)):
        files.costs[name]["latency_p95"] = latency
    files.write(tmp_path)
    settings = study(llms=[])
    for limit, said in (
        (0.1, "frozen has the best validation accuracy of the models that meet what is required"),
        (0.001, "No model meets what is required. tfidf is out"),
    ):
        decision = DecisionSettings(**NOTHING | {"latency_p95": limit})
        limited = settings.model_copy(update={"decision": decision})
        [results] = inputs.read(limited, tmp_path)
        text = words.verdict(results, limited).words
        assert said in text
        assert (
            "than minilm" not in text
            and "minilm is out: 95 of 100 texts take it up to 0.400 s" in text
        )


def test_where_both_are_as_good_the_cost_decides_and_no_number_of_rows(
    files, study, tmp_path
) -> None:
    related(files.pair("minilm", "gemma"), 0.0001, 0.015, 0.9, "as good", "as good")
    files.costs["gemma"]["cost_per_1000_texts"] = None
    text = written(files, study, tmp_path).words
    assert "To know which of the two costs less may decide it." in text
    assert "test rows would decide" not in text


@pytest.mark.parametrize(("low", "said"), [(0.55, True), (0.5583, True), (0.57, False)])
@pytest.mark.parametrize("compared", [True, False])
def test_who_does_not_beat_the_majority_class_is_named_so(
    files, study, tmp_path, low, said, compared
) -> None:
    files.intervals["minilm"]["metrics"]["accuracy"]["low"] = low
    sentence = "minilm is not shown to beat the majority class, which has accuracy 0.558 without reading a text."
    words = written(files, study, tmp_path, **({} if compared else {"llms": []})).words
    assert (sentence in words) is said
