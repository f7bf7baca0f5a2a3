import io
import json

from slingshot import settings
from slingshot.commands import study_table
from slingshot.commands.experiments import Revision
from slingshot.files import paths


def experiment() -> Revision:
    """With the same accuracy for two contestants, and AUROCs of different score sources."""
    files = {}
    for name, auroc, source in (("minilm", 0.9, "softmax"), ("gemma", 0.85, "vote")):
        for path, content in (
            (paths.scores, {"accuracy": 0.8, "auroc": auroc}),
            (paths.intervals, {"score_source": source}),
            (paths.cost, {"train_seconds": None}),
        ):
            files[path("tweets", name).as_posix()] = json.dumps(content).encode()
    return Revision("exp", "c0ffee", 0, files)


def test_an_auroc_stands_with_its_score_source() -> None:
    out, one = io.StringIO(), experiment()
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
