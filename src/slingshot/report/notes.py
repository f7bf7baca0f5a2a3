"""The notes below the table of contestants: each note once, with all contestants that it applies to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slingshot.files.audit import Audit
from slingshot.files.notes.figures import FewSeeds, TestGroups
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import MISSING, count, listed, score
from slingshot.settings.catalogue import METRICS, PRIMARY

MAJORITY = "majority class"
SEEN = "may have been seen"
CEILINGS = ("ceiling, test rows alone", "ceiling, all rows")
NEAR_ONE = 0.99
"""A ceiling this high does not limit any score noticeably."""


def notes(results: Results) -> Iterator[str]:
    """The notes, in the order of the table's rows and columns."""
    contestants = results.shown
    yield (
        "Majority class: a reference that always answers the commonest training label. Nothing is run, so it has no "
        "cost."
    )
    if results.audit.majority.auroc is None:
        yield "The majority class has no AUROC, because the test rows are of one class."
    yield from _held_down(results.audit)
    yield from (f"{c.label}: {c.note}." for c in contestants if c.note)
    yield from _seen(results)
    yield from _sources(contestants)
    yield from _missing(contestants)
    yield from [results.left_out] if results.left_out else []
    yield from _own(contestants)


def ceilings(audit: Audit) -> dict[str, float]:
    """Title -> ceiling on the test rows; empty unless contradicting labels limit the scores."""
    test = audit.ceiling.test
    values = dict(zip(CEILINGS, (test.within, test.whole), strict=True))
    return values if min(values.values()) < NEAR_ONE else {}


def _held_down(audit: Audit) -> Iterator[str]:
    """How texts with several labels limit every score in the table."""
    values = [score(value) for value in ceilings(audit).values()]
    if values:
        yield (
            "The ceilings are the highest accuracies that the labels allow, because some texts have several labels. "
            f"Nobody who reads only the text, without case and white space, can score above {values[0]} on these test "
            f"rows. If each text got its most frequent label among all rows, the score would be {values[1]}. If copies "
            "of a text are on both sides of a split, few of them meet in test, so the first ceiling is high although "
            "the texts do not determine the labels. Copies remembered from training then change every score. If all "
            "copies are on one side, the two ceilings are similar, and no score can be much higher."
        )


def _seen(results: Results) -> Iterator[str]:
    """One note for all LLMs with the same cutoff."""
    cutoffs: dict[str, list[str]] = {}
    for contestant in results.shown:
        if results.may_have_been_seen(contestant):
            cutoffs.setdefault(str(contestant.training_cutoff), []).append(contestant.title)
    for cutoff, titles in cutoffs.items():
        yield (
            f"May have been seen: the texts were published on {results.audit.published}, before the training data of "
            f"{listed(titles)} end ({cutoff})."
        )


def _sources(contestants: Sequence[Contestant]) -> Iterator[str]:
    sources: dict[str, list[str]] = {}
    for contestant in contestants:
        sources.setdefault(contestant.intervals.score_source, []).append(contestant.title)
    if len(sources) > 1:
        kinds = "; ".join(f"{source} for {listed(titles)}" for source, titles in sources.items())
        yield f"AUROC and log-loss rest on different kinds of scores: {kinds}."


def _missing(contestants: Sequence[Contestant]) -> Iterator[str]:
    """Why cells have a dash: one note for each reason, with all contestants that it applies to."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for contestant in contestants:
        for what, why in _dashes(contestant):
            reasons.setdefault((what, why), []).append(contestant.title)
    for (what, why), titles in reasons.items():
        yield f"A dash under {what} for {listed(titles)}: {why}."


def _dashes(contestant: Contestant) -> Iterator[tuple[str, str]]:
    """Column and reason."""
    for key in (*PRIMARY, "log_loss"):
        if contestant.score(key) is None:
            reason = contestant.interval(key).reason
            yield METRICS[key].heading, reason.words if reason else "not measured"
    if contestant.cost.train_seconds is None:
        prompted = contestant.kind == "llm"
        yield "Training seconds", "prompted, not trained" if prompted else "not measured"
    if contestant.cost.cost_per_1000_texts is None:
        yield "cost", "no price is known"


def _own(contestants: Sequence[Contestant]) -> Iterator[str]:
    """The notes of the intervals files, each with all contestants that it applies to."""
    seeds: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for contestant in contestants:
        for note in contestant.intervals.notes:
            if isinstance(note, TestGroups):  # printed once, below the verdict
                continue
            group = seeds if isinstance(note, FewSeeds) else others
            group.setdefault(note.words, []).append(contestant.title)
    for words, titles in seeds.items():
        yield f"{listed(titles)} {'was' if len(titles) == 1 else 'were'} {words}."
    for words, titles in others.items():
        yield f"{listed(titles)}: {words}."


def facts(audit: Audit) -> list[str]:
    """Facts of the audit about the data set, one for each line: rows, labels, ceilings."""
    rows, test = audit.rows, audit.ceiling.test
    lines = [
        f"{count(rows.train)} training, {count(rows.validation)} validation and {count(rows.test)} test rows; labels: "
        f"{audit.label_source}; licence: {audit.licence}; published: {audit.published or MISSING}."
    ]
    if min(test.within, test.whole, audit.ceiling.all.within) == 1:
        return [*lines, "No text has two labels, so the labels do not limit the scores."]
    return [
        *lines,
        "Some texts have several labels. Nobody who reads only the text, without case and white space, can score above "
        f"{score(test.within)} on these test rows ({score(audit.ceiling.all.within)} on all rows). If each text got "
        f"its most frequent label among all rows, the score on the test rows would be {score(test.whole)}.",
    ]
