"""A macro figure that a class of a few test rows could move by more than the margin, through every stage: it is shown,
and nothing is claimed."""

from __future__ import annotations

from pathlib import Path

from slingshot.files.storage.json_files import read_json
from tests.metrics.test_undefined import page, study, words, write_rows

WHY = (
    "1 of 3 classes has under 10 test rows (fine: 4) and could move AUROC by 0.333, more than the margin of 0.02: this "
    "comparison can't be decided here"
)


def test_it_can_t_be_decided_and_the_report_says_why(project: Path) -> None:
    write_rows(project, "toy.csv", 1, good=60, bad=60, fine=20)
    write_rows(project, "test.csv", 2, good=30, bad=30, fine=4)
    said = study(project, test_file=True)
    assert "evaluate toy: 6 pairs on auroc, 0 differ by their intervals; " + WHY in said["evaluate"]
    found = read_json(project / "metrics/pairs/toy.json")
    assert found["undecidable"] == WHY
    assert all(pair["p"] is None and pair["low"] is not None for pair in found["pairs"])
    verdict = read_json(project / "report/verdict.json")["toy"]
    assert (verdict["decision"], verdict["reasons"]) == ("undecided", [WHY])
    assert (verdict["rows_to_decide"], verdict["labels_to_decide"]) == (None, None)
    assert WHY in " ".join(said["show"].split())
    assert words(project).count(WHY) == 1
    assert (
        "More test rows of the classes that have few, or another metrics.primary, may decide it."
        in words(project)
    )
    summary = (project / "report/summary.md").read_text()
    assert f"- Nothing is claimed of any pair: {WHY}." in summary
    rows = [
        line
        for line in summary.splitlines()
        if line.startswith(("| tfidf | A tiny LM |", "| tfidf | second |"))
    ]
    assert len(rows) == 2 and all(
        "| – | not resolved" in row and row.endswith("| – |") for row in rows
    )
    assert page(project).count("Nothing is claimed of any pair") == 1
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
    assert "not resolved against" in words(project)
