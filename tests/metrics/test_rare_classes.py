"""A macro figure that a class of a few test rows could move by more than the margin, through every stage: it is shown,
and nothing is claimed."""

from __future__ import annotations

from pathlib import Path

from slingshot.files import paths
from slingshot.files.notes.pairs import RareClasses
from slingshot.files.pairs import Pairs
from slingshot.files.storage.json_files import read_json
from tests.metrics.test_undefined import page, study, words, write_rows

REASON = RareClasses(metric="auroc", margin=0.02, classes=3, rare={"fine": 4})
WHY = REASON.words


def test_it_can_t_be_decided_and_the_report_says_why(project: Path) -> None:
    write_rows(project, "toy.csv", 1, good=60, bad=60, fine=20)
    write_rows(project, "test.csv", 2, good=30, bad=30, fine=4)
    said = study(project, test_file=True)
    assert "evaluate toy: 6 pairs compared on AUROC; " + WHY in said["evaluate"]
    pairs = Pairs.read(project / paths.pairs("toy"))
    assert pairs.undecidable == REASON
    assert all(pair.p is None and pair.low is not None for pair in pairs.pairs)
    verdict = read_json(project / "report/verdict.json")["toy"]
    assert (verdict["decision"], verdict["reasons"]) == ("undecided", [REASON.as_json()])
    assert (verdict["rows_to_decide"], verdict["labels_to_decide"]) == (None, None)
    assert WHY in " ".join(said["show"].split())
    assert words(project).count(WHY) == 1
    assert "More test rows of the rare classes may decide it, or another metrics.primary." in words(
        project
    )
    summary = (project / "report/summary.md").read_text()
    assert f"- No pair is judged: {WHY}." in summary
    rows = [
        line
        for line in summary.splitlines()
        if line.startswith(("| tfidf | A tiny LM |", "| tfidf | second |"))
    ]
    assert len(rows) == 2 and all(
        "| – | not resolved" in row and row.endswith("| – |") for row in rows
    )
    assert page(project).count("No pair is judged") == 1
    for text in (words(project), summary):
        assert not any(
            claim in text for claim in ("better than", "as good as", "worse than", "more labels")
        )


def test_what_is_required_may_still_decide_and_one_side_alone_is_still_described(
    project: Path,
) -> None:
    write_rows(project, "toy.csv", 1, good=60, bad=60, fine=20)
    write_rows(project, "test.csv", 2, good=30, bad=30, fine=4)
    study(project, test_file=True, llms=[], cascades=[])
    assert words(project).count(WHY) == 1
    assert "tfidf has the best validation AUROC of the models, and has AUROC " in words(project)
    summary = (project / "report/summary.md").read_text()
    [row] = [line for line in summary.splitlines() if line.startswith("| tfidf | second |")]
    assert "| – | not resolved" in row
