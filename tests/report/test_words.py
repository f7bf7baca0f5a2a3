"""The four sentences of the verdict, and the groups below it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from slingshot.metrics import rule
from slingshot.report import details, inputs, words
from slingshot.report.verdict import judged
from slingshot.settings import DecisionSettings
from tests.report.conftest import NOTHING, SMALL, related, seed

TITLE = "Gemma 3 270m"
OPEN_RECIPE = {"same": False, "p": 0.07, "p_as_good": SMALL, "p_reverse_as_good": 0.9}


def built(files, study, tmp_path, *, required=None, **chosen):
    """The verdict and the groups below it."""
    files.write(tmp_path)
    settings = study(**chosen)
    if required is not None:
        decision = DecisionSettings(**NOTHING | required)
        settings = settings.model_copy(update={"decision": decision})
    [results] = inputs.read(settings, tmp_path)
    verdict = words.verdict(results, settings)
    return verdict, details.groups(judged(results, verdict), verdict, settings)


def written(files, study, tmp_path, **chosen) -> str:
    return built(files, study, tmp_path, **chosen)[0].words


def below(files, study, tmp_path, **chosen) -> str:
    """All that stands below the verdict."""
    groups = built(files, study, tmp_path, **chosen)[1]
    return " ".join(" ".join(group.sentences) for group in groups)


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?]) (?=[A-Z])", text)


def figures(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from figures(item)
    elif isinstance(value, int | float):
        yield float(value)


def unexplained(verdict, groups, files) -> list[str]:
    """Numbers of the words that no file holds, at the precision that they are printed with."""
    known = [*figures([files.audit, files.scores, files.intervals, files.costs, files.pairs])]
    known += [*figures(verdict.as_json()), 12, 100_000, 1_200_000]
    known += [1000 * cost["cost_per_1000_texts"] for cost in files.costs.values()]
    known += [cost["labelling_cost"] + (cost["train_cost"] or 0.0) for cost in files.costs.values()]
    text = " ".join([verdict.words, *(line for group in groups for line in group.sentences)])
    text = text.replace(TITLE, "").replace("2014-06-01", "").replace("2024-08-31", "")
    text = re.sub(r"[Aa]bout [\d,]+ (test rows|texts)", "", text)
    text = re.sub(r"in 80 of 100 studies", "", text)
    wrong = []
    for token in re.findall(r"\d[\d,]*(?:\.\d+)?%?", text):
        number = float(token.strip(",%").replace(",", "")) / (100 if "%" in token else 1)
        half = 1e-9 if "%" in token else 0.5000001 * 10 ** -len(token.partition(".")[2])
        if not any(abs(number - abs(figure)) <= half for figure in known):
            wrong.append(token)
    return wrong


def test_the_verdict_is_four_sentences_of_figures_in_the_files(files, study, tmp_path) -> None:
    verdict, groups = built(files, study, tmp_path)
    assert unexplained(verdict, groups, files) == []
    decision, lead, costs = sentences(verdict.words)
    assert decision == f"Fine-tune minilm: it is better than {TITLE} and is cheaper."
    assert lead == (
        f"On 840 test rows minilm has accuracy 0.842 and {TITLE} 0.741, a lead of 0.101 (95% interval 0.070 to 0.132)."
    )
    assert costs == (
        f"A million texts cost EUR 1.51 with minilm and EUR 35.20 with {TITLE}; training and labels cost EUR 336 for "
        f"minilm and EUR 336 for {TITLE}, once."
    )
    files.costs["gemma"]["cost_per_1000_texts"] = 9.9
    wrong = unexplained(verdict, groups, files)
    assert "35.20" in wrong, "the test must notice a number from nowhere"


@pytest.mark.parametrize("required", [None, {"latency_p95": 1e-9}, {"count_labels": True}])
@pytest.mark.parametrize("difference", [0.1, 0.0, -0.1])
def test_no_verdict_is_longer_than_four_sentences(
    files, study, tmp_path, difference, required
) -> None:
    verdict = "not resolved" if not difference else "better" if difference > 0 else "worse"
    reverse = {"better": "worse", "worse": "better"}.get(verdict, verdict)
    related(files.pair("minilm", "gemma"), difference, 0.03, 0.001, verdict, reverse)
    files.costs["gemma"]["labels"] = 312
    for chosen in ({}, {"llms": []}, {"models": []}, {"models": [], "llms": []}):
        text = written(files, study, tmp_path, required=required, **chosen)
        assert 1 <= len(sentences(text)) <= 4, text
        assert "None" not in text


def test_where_the_model_stands_against_cheaper_ones_is_one_sentence(
    files, study, tmp_path
) -> None:
    files.costs["frozen"]["cost_per_1000_texts"] = 1.0
    text = below(files, study, tmp_path)
    lead = "by 0.110 (95% interval 0.079 to 0.141)"
    assert f"minilm also beats tfidf, the only cheaper model, {lead}." in text
    files.costs["frozen"]["cost_per_1000_texts"] = 0.00001
    text = below(files, study, tmp_path)
    assert f"minilm also beats the cheaper models: tfidf {lead} and frozen by 0.061" in text


def test_the_cheapest_model_has_none_to_stand_against(files, study, tmp_path) -> None:
    files.costs["minilm"]["cost_per_1000_texts"] = 1e-9
    assert "cheaper model" not in below(files, study, tmp_path)


def test_under_three_seeds_claims_are_of_the_trained_models_and_the_recipe_stands_beside(
    files, study, tmp_path
) -> None:
    pair = files.pair("minilm", "gemma")
    recipe = {"low": -0.01, "high": 0.212, "variances": pair["variances"], **OPEN_RECIPE}
    pair["recipe"] = recipe
    verdict, groups = built(files, study, tmp_path)
    assert verdict.words.startswith("Fine-tune minilm:")
    assert unexplained(verdict, groups, files) == []
    text = below(files, study, tmp_path)
    gap = "+0.101 (95% interval −0.010 to +0.212)"
    assert (
        f"The claims are about the models trained here. Averaged over training runs, minilm is as good as {TITLE}: "
        f"the difference is {gap}, if training runs have a standard deviation of 0.012 (metrics.seed_sd)."
    ) in text
    assert "seeds may differ two to four times" not in text
    recipe["p_as_good"] = 0.3
    verdict, groups = built(files, study, tmp_path)
    assert sentences(verdict.words)[3] == (
        "This is about the minilm trained here: after another training, the difference may be "
        f"{gap}; more training seeds may settle it."
    )
    assert "Averaged over training runs, minilm can't be told apart from" in below(
        files, study, tmp_path
    )
    files.scores["minilm"]["train_rows"] = 191
    assert "seeds may differ two to four times as much" in below(files, study, tmp_path)


def test_from_three_seeds_on_claims_are_of_the_recipe(files, study, tmp_path) -> None:
    files.intervals["minilm"]["seeds"] = [seed(number, 0.842) for number in range(3)]
    text = below(files, study, tmp_path)
    assert (
        "The claims are about minilm averaged over training runs: intervals include the variation between its training "
        "seeds." in text
    )
    assert "trained here" not in text


def test_nothing_is_said_of_training_where_nobody_was_trained(files, study, tmp_path) -> None:
    files.intervals["minilm"]["seeds"] = [seed(-1, 0.842)]
    assert "The claims" not in below(files, study, tmp_path)


@pytest.mark.parametrize(("effective", "in_verdict"), [(84.0, False), (12.0, True)])
def test_few_groups_are_said_and_very_few_in_the_verdict_itself(
    files, study, tmp_path, effective, in_verdict
) -> None:
    note = {"code": "test_groups", "groups": 84, "effective": effective}
    files.pairs.update(groups=84, notes=[note])
    files.costs["gemma"].update(
        labels=312, labelling_cost=31.2
    )  # a weightier caveat than 84 groups
    verdict, groups = built(files, study, tmp_path)
    assert ("84 test groups" in verdict.words) is in_verdict
    everything = verdict.words + " ".join(line for group in groups for line in group.sentences)
    assert everything.count("84 test groups") == 1


def test_undecided_says_how_many_rows_would_decide(files, study, tmp_path) -> None:
    related(files.pair("minilm", "gemma"), 0.004, 0.04, 0.9, "not resolved", "not resolved")
    verdict, groups = built(files, study, tmp_path)
    assert verdict.rows_to_decide == pytest.approx(
        840 * (0.04 / 1.960 * 2.802 / 0.024) ** 2, rel=0.03
    )
    first, second, _, last = sentences(verdict.words)
    assert first == (
        f"Undecided between fine-tuning minilm and prompting {TITLE}: neither is shown to be better, or as good."
    )
    assert "a difference of +0.004 (95% interval −0.036 to +0.044)" in second
    assert last == (
        "About 4,700 test rows would decide it in 80 of 100 studies if the difference held."
    )
    assert unexplained(verdict, groups, files) == []
    files.pairs["groups"] = 84
    assert "test rows, in as many more groups, would" in written(files, study, tmp_path)


def test_where_no_number_of_rows_would_decide_more_seeds_may(files, study, tmp_path) -> None:
    pair = files.pair("minilm", "gemma")
    related(pair, 0.004, 0.04, 0.9, "not resolved", "not resolved")
    never = "No number of test rows would decide it in 80 of 100 studies"
    assert never not in written(files, study, tmp_path)
    pair["variances"]["training"] = [{"value": 0.02**2, "df": 2}]
    measured = "if the difference and the variation between training seeds held"
    text = written(files, study, tmp_path)
    assert text.endswith(f"{never} {measured}; more training seeds may.")


def test_a_failed_pair_is_said_with_its_reason(files, study, tmp_path) -> None:
    nothing = ("a_value", "b_value", "difference", "low", "high", "variances", *rule.CLAIMS)
    reason = {"code": "needs_scores", "metric": "auroc"}
    note = {"code": "undefined_figure", "contestant": "gemma", "reason": reason}
    files.pair("minilm", "gemma").update(dict.fromkeys(nothing), notes=[note])
    text = written(files, study, tmp_path)
    why = "gemma: AUROC needs scores, and this contestant gives none"
    assert f"The two could not be compared: {why}." in text
    assert "None" not in text


def test_a_missing_pair_is_an_error_with_the_remedy(files, study, tmp_path) -> None:
    files.pairs["pairs"] = []
    with pytest.raises(Exception, match=r"pairs/tweets\.json: no pair of minilm and gemma; run"):
        written(files, study, tmp_path)


def test_missing_costs_do_not_crash(files, study, tmp_path) -> None:
    for cost in files.costs.values():
        cost.update(dict.fromkeys(cost.keys() - {"labels", "labelling_cost", "train_rows"}))
    verdict, groups = built(files, study, tmp_path)
    assert "A million texts cost an unknown sum with minilm" in verdict.words
    [costs] = [group for group in groups if group.heading == "Costs"]
    assert "Which of the two costs less is not known." in costs.sentences


def test_without_an_llm_the_models_are_compared(files, study, tmp_path) -> None:
    text = written(files, study, tmp_path, llms=[])
    assert text.startswith("No LLM takes part, so fine-tuning is not compared with prompting. ")
    assert "minilm has the best validation accuracy of the models, and has accuracy 0.842" in text
    others = below(files, study, tmp_path, llms=[])
    assert "minilm also beats the other models: tfidf by" in others
    assert "frozen by 0.061" in others


def test_who_has_no_figure_to_be_chosen_by_is_said(files, study, tmp_path) -> None:
    for name in ("tfidf", "minilm"):
        files.scores[name]["validation_accuracy"] = None
        files.intervals[name]["validation_reason"] = {"code": "no_validation_rows"}
    why = "could not be chosen by accuracy on validation rows: it predicts no validation row."
    assert written(files, study, tmp_path).startswith("Fine-tune frozen:")
    assert f"tfidf and minilm {why}" in below(files, study, tmp_path)
    alone = {"models": ["tfidf", "minilm"], "llms": []}
    assert written(files, study, tmp_path, **alone).endswith("No model can be chosen.")
    assert f"tfidf and minilm {why}" in below(files, study, tmp_path, **alone)


def test_without_anyone_it_says_so(files, study, tmp_path) -> None:
    assert "nothing to compare" in written(files, study, tmp_path, llms=[], models=[])


def test_who_is_excluded_is_named_with_the_reason(files, study, tmp_path) -> None:
    for name, latency in (("tfidf", 0.005), ("frozen", 0.03), ("minilm", 0.04), ("gemma", 0.51)):
        files.costs[name]["latency_p95"] = latency
    text = written(files, study, tmp_path, required={"latency_p95": 0.1})
    assert text.startswith("Fine-tune minilm: no LLM meets what `decision` requires.")
    out = below(files, study, tmp_path, required={"latency_p95": 0.1})
    why = "it needs up to 0.51 s for 95 of 100 texts, more than 0.1 s"
    assert f"{TITLE} is excluded: {why}." in out
    text = written(files, study, tmp_path, required={"latency_p95": 0.001})
    assert text == "Undecided: no model and no LLM meets what `decision` requires."


def test_a_latency_of_too_few_texts_is_said(files, study, tmp_path) -> None:
    for name in ("tfidf", "frozen", "minilm", "gemma"):
        files.costs[name] |= {"latency_p95": 0.5, "latency_texts": 99 if name == "minilm" else 100}
    text = below(files, study, tmp_path, required={"latency_p95": 0.1})
    why = "it needs up to 0.5 s for 95 of 100 texts, but that was timed on 99 single texts, and 100 are needed"
    assert f"The latency of minilm excludes nobody: {why}." in text
    assert "excludes nobody" not in below(files, study, tmp_path, required={})


def test_both_totals_are_said_and_what_is_assumed(files, study, tmp_path) -> None:
    files.costs["gemma"].update(labels=312, labelling_cost=31.2)
    text = below(files, study, tmp_path, required={})
    assert (
        "Over 12 months (assumed) of 100,000 texts (assumed) each, on a machine paid by use, training and prediction "
        f"cost EUR 1.82 with minilm and EUR 42.24 with {TITLE}; with labels, EUR 338 and EUR 73.44."
    ) in text
    assert "One-off costs of minilm: EUR 0.01 for 312 s of training and EUR 336 for 3,360" in text
    assert f"So minilm is cheaper than {TITLE}." in text
    counted = {"count_labels": True, "monthly_texts": 5000, "horizon_months": 24}
    text = below(files, study, tmp_path, required=counted)
    assert (
        "Over 24 months of 5,000 texts each, on a machine paid by use, training, labels and prediction cost"
        in text
    )
    assert f"So {TITLE} is cheaper than minilm." in text and "assumed" not in text
    assert "minilm costs EUR 305 more at the start." in text


def test_labels_that_turn_the_costs_round_are_the_caveat(files, study, tmp_path) -> None:
    files.costs["gemma"].update(labels=312, labelling_cost=31.2)
    assert sentences(written(files, study, tmp_path, required={}))[-1] == (
        f"If you must still buy the labels, {TITLE} is cheaper: EUR 73.44 against EUR 338 over 12 months (assumed) of "
        "100,000 texts (assumed) each."
    )


def test_when_a_dearer_start_pays_off_is_said_in_texts(files, study, tmp_path) -> None:
    files.costs["gemma"].update(labels=312, labelling_cost=31.2)
    start = "minilm costs EUR 305 more at the start if its labels are still to be paid for. "
    after = "That pays off after about 9,000,000 texts, "
    few = below(files, study, tmp_path, required={})
    assert f"{start}{after}more than the 1,200,000 of these months." in few
    many = below(files, study, tmp_path, required={"monthly_texts": 1_000_000})
    assert f"{start}{after}within the 12,000,000 of these months." in many
    files.costs["minilm"]["cost_per_1000_texts"] = files.costs["gemma"]["cost_per_1000_texts"]
    text = below(files, study, tmp_path, required={})
    assert f"{start}No number of texts is known to pay that back." in text
    assert "Their costs can't be told apart." in text


def test_without_an_llm_those_excluded_are_left_out_of_the_comparison(
    files, study, tmp_path
) -> None:
    for name, latency in (("tfidf", 0.005), ("frozen", 0.03), ("minilm", 0.4)):
        files.costs[name]["latency_p95"] = latency
    for limit, words_ in (
        (0.1, "frozen has the best validation accuracy of the models"),
        (0.001, "No model meets what `decision` requires."),
    ):
        case = {"required": {"latency_p95": limit}, "llms": []}
        assert words_ in written(files, study, tmp_path, **case)
        out = below(files, study, tmp_path, **case)
        assert "beats minilm" not in out and "is behind minilm" not in out
        assert "minilm is excluded: it needs up to 0.4 s for 95 of 100 texts" in out


def test_where_both_are_as_good_the_cost_decides_and_no_number_of_rows(
    files, study, tmp_path
) -> None:
    related(files.pair("minilm", "gemma"), 0.0001, 0.015, 0.9, "as good", "as good")
    files.costs["gemma"]["cost_per_1000_texts"] = None
    text = written(files, study, tmp_path)
    assert "Better figures on which of the two costs less would decide it." in text
    assert "test rows would decide" not in text


@pytest.mark.parametrize(("low", "said"), [(0.55, True), (0.5583, True), (0.57, False)])
@pytest.mark.parametrize("compared", [True, False])
def test_who_does_not_beat_the_majority_class_is_named_so(
    files, study, tmp_path, low, said, compared
) -> None:
    files.intervals["minilm"]["metrics"]["accuracy"]["low"] = low
    caveat = "minilm is not shown to beat the majority class, which has accuracy 0.558 without reading a text."
    text = written(files, study, tmp_path, **({} if compared else {"llms": []}))
    assert text.endswith(caveat) is said


def test_what_the_llm_may_have_seen_is_the_caveat_where_it_is_chosen(
    files, study, tmp_path
) -> None:
    related(files.pair("minilm", "gemma"), -0.1, 0.03, 0.001, "worse", "better")
    assert sentences(written(files, study, tmp_path))[-1] == (
        f"{TITLE} may have seen the texts: they were published on 2014-06-01, and its training data end on 2024-08-31."
    )


def test_one_training_is_the_caveat_where_nothing_weighs_more(files, study, tmp_path) -> None:
    files.intervals["minilm"]["notes"] = [{"code": "few_seeds", "seeds": 1}]
    assert written(files, study, tmp_path).endswith(
        "once. minilm was trained once, so the interval ignores variation between training runs."
    )


def test_labels_of_a_model_are_the_first_caveat(files, study, tmp_path) -> None:
    files.audit["label_source"] = "GPT-3.5"
    assert sentences(written(files, study, tmp_path))[-1] == (
        "GPT-3.5 wrote the labels, so a score is agreement with GPT-3.5, not with people."
    )
