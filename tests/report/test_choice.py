"""Who of several LLMs, or cascades, is chosen where they answered unequal numbers of validation rows."""

import pytest

from slingshot.files.notes.figures import NoValidationRows
from slingshot.report import details, inputs, words
from slingshot.report.verdict import judged
from slingshot.settings import DecisionSettings
from tests.report.conftest import NOTHING, intervals, pair, scores

LLMS = ("gemma", "second", "third")
SHARED = "The LLMs were compared on the {} validation rows that all of them answered; some answered more."


@pytest.fixture
def decided(files, study, tmp_path):
    """The verdict over three LLMs, under a requirement; validation figures are those of `files`."""
    for name in LLMS[1:]:
        files.scores[name], files.intervals[name] = scores(0.74), intervals(0.74, "vote", [-1])
        files.costs[name] = dict(files.costs["gemma"])
        files.pairs["pairs"] += [
            pair(other, name, {other: 0.8, name: 0.74}) for other in files.scores if other != name
        ]

    def decide(*, latency=None, **chosen):
        files.write(tmp_path)
        settings = study(**{"llms": list(LLMS)} | chosen)
        required = DecisionSettings(**NOTHING | {"latency_p95": latency})
        settings = settings.model_copy(update={"decision": required})
        [results] = inputs.read(settings, tmp_path)
        verdict = words.verdict(results, settings)
        groups = details.groups(judged(results, verdict), verdict, settings)
        return verdict, " ".join(line for group in groups for line in group.sentences)

    return decide


def test_the_rows_that_all_answered_choose(files, decided) -> None:
    files.validation = {
        "gemma": {"50": 0.92},
        "second": {"50": 0.94, "200": 0.75},
        "third": {"50": 0.9, "200": 0.85, "300": 0.84},
    }
    found, below = decided()
    assert (found.large, found.shared) == ("second", {"llm": 50})
    assert SHARED.format(50) in below
    alone, below = decided(models=[])
    assert (alone.choice, alone.decision) == ("second", "no comparison")
    assert SHARED.format(50) in below


def test_one_that_is_out_takes_no_rows_away(files, decided) -> None:
    files.validation = {
        "gemma": {"50": 0.92},
        "second": {"50": 0.94, "200": 0.75},
        "third": {"50": 0.9, "200": 0.85, "300": 0.84},
    }
    files.costs["gemma"]["latency_p95"] = 3.0
    for name in {*files.scores} - {"gemma"}:
        files.costs[name]["latency_p95"] = 0.1
    found, below = decided(latency=1.0)
    assert (found.large, found.shared, [*found.excluded]) == ("third", {"llm": 200}, ["gemma"])
    assert SHARED.format(200) in below


def test_one_without_a_figure_takes_no_rows_away(files, decided) -> None:
    files.validation = {
        "gemma": {},
        "second": {"200": 0.75},
        "third": {"200": 0.74, "300": 0.84},
    }
    files.intervals["gemma"]["validation_reason"] = {"code": "no_validation_rows"}
    found, _ = decided()
    assert (found.large, found.shared) == ("second", {"llm": 200})
    assert found.unranked == {"gemma": NoValidationRows()}


def test_equal_rows_need_no_words_and_the_first_wins_a_tie(files, decided) -> None:
    files.validation = {name: {"200": 0.8} for name in LLMS}
    found, below = decided()
    assert (found.large, found.shared) == ("gemma", {})
    assert "all of them answered" not in below
    files.validation["third"] = {"200": 0.8, "300": 0.9}
    assert decided()[0].large == "gemma", "what only one answered does not count"
    found, _ = decided(llms=["third"])
    assert (found.large, found.shared) == ("third", {}), "it shares its rows with nobody"


def test_cascades_of_unequal_llms_share_rows_too(files, decided) -> None:
    for name in ("small", "big"):
        files.add_cascade(name, 0.85, 0.004)
    files.validation = {"small": {"50": 0.9}, "big": {"50": 0.92, "300": 0.86}}
    cascades = [{"name": name, "small": "minilm", "large": "gemma"} for name in ("small", "big")]
    found, below = decided(llms=["gemma"], cascades=cascades)
    assert (found.cascade, found.shared) == ("big", {"cascade": 50})
    assert "The cascades were compared on the 50 validation rows" in below
