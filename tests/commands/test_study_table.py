import io

from slingshot import settings
from slingshot.commands import study_table


class Experiment:
    """An experiment's figures, the same for every contestant but the score source."""

    name = "exp"

    def figures(self, room, dataset, contestant):
        source = {"minilm": "softmax", "gemma": "vote"}[contestant]
        return {
            "scores": {"accuracy": 0.8, "auroc": 0.9 if contestant == "minilm" else 0.85},
            "intervals": {"score_source": source},
            "cost": {"train_seconds": None},
        }[room]


def test_an_auroc_stands_with_its_score_source() -> None:
    out, one = io.StringIO(), Experiment()
    study_table.show(
        {"tweets": {"minilm": [one], "gemma": [one, None]}}, [""], "any", settings.load(), out
    )
    lines = out.getvalue().splitlines()
    assert any("0.900 softmax" in line for line in lines) and any(
        "0.850 vote" in line for line in lines
    )


def test_no_experiment_is_a_dash() -> None:
    out = io.StringIO()
    study_table.show({"tweets": {"minilm": [None]}}, [""], "any", settings.load(), out)
    assert "none of this commit" in out.getvalue() and "–" in out.getvalue()
