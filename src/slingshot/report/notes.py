"""What stands below the table of contestants: each note once, with everybody that it applies to."""

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
"""Ceilings from here on limit nothing that a reader would see."""


def notes(results: Results) -> Iterator[str]:
    """In the order of the table's rows and columns."""
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
    """Title -> ceiling on the test rows, where labels that contradict each other hold a score down."""
    test = audit.ceiling.test
    values = dict(zip(CEILINGS, (test.within, test.whole), strict=True))
    return values if min(values.values()) < NEAR_ONE else {}


def _held_down(audit: Audit) -> Iterator[str]:
    """What texts under several labels do to every score above."""
    values = [score(value) for value in ceilings(audit).values()]
    if values:
        yield (
            "The ceilings are accuracies that the labels allow, because some texts stand under several labels. Nobody "
            f"who reads the text alone, without case and white space, can pass {values[0]} on these test rows. Giving "
            f"each text its most frequent label among all rows would score {values[1]}. The first is high although the "
            "texts do not tell the labels apart where copies of a text lie on both sides of a split: few of them meet "
            "in test, and copies remembered from training move every score. Where all copies lie on one side, the two "
            "are alike, and a score near them is as good as scores get."
        )


def _seen(results: Results) -> Iterator[str]:
    """Once for all LLMs of one cutoff."""
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
    """Why cells hold a dash: once a reason, with everybody that it applies to."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for contestant in contestants:
        for what, why in _dashes(contestant):
            reasons.setdefault((what, why), []).append(contestant.title)
    for (what, why), titles in reasons.items():
        yield f"{MISSING} under {what} for {listed(titles)}: {why}."


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
    """The notes of contestants, each with everybody that it applies to."""
    seeds: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for contestant in contestants:
        for note in contestant.intervals.notes:
            if isinstance(note, TestGroups):  # which the verdict's details say, for all
                continue
            group = seeds if isinstance(note, FewSeeds) else others
            group.setdefault(note.words, []).append(contestant.title)
    for words, titles in seeds.items():
        yield f"{listed(titles)} {'was' if len(titles) == 1 else 'were'} {words}."
    for words, titles in others.items():
        yield f"{listed(titles)}: {words}."


def facts(audit: Audit) -> list[str]:
    """What the audit says of the data set, one fact a line: rows, labels, ceilings."""
    rows, test = audit.rows, audit.ceiling.test
    lines = [
        f"{count(rows.train)} training, {count(rows.validation)} validation and {count(rows.test)} test rows; labels: "
        f"{audit.label_source}; licence: {audit.licence}; published: {audit.published or MISSING}."
    ]
    if min(test.within, test.whole, audit.ceiling.all.within) == 1:
        return [*lines, "No text stands under two labels, so the labels hold no score down."]
    return [
        *lines,
        f"Some texts stand under several labels. Nobody who reads the text alone, without case and white space, can "
        f"score above {score(test.within)} on these test rows ({score(audit.ceiling.all.within)} on all rows). Giving "
        f"each text its most frequent label among all rows would score {score(test.whole)} on the test rows.",
    ]
