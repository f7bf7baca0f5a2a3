"""The groups of sentences below the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slingshot.files.notes.base import sentence
from slingshot.files.notes.verdicts import KINDS
from slingshot.files.verdict import Verdict
from slingshot.report import cost_words
from slingshot.report.caveats import caveats
from slingshot.report.claims import against, clause, of_whom
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import count, listed, percent
from slingshot.report.required import thin_latency
from slingshot.report.verdict import cheaper
from slingshot.settings import Settings
from slingshot.settings.catalogue import METRICS


@dataclass(frozen=True)
class Group:
    """Sentences under a heading."""

    heading: str
    sentences: tuple[str, ...]


def groups(results: Results, decided: Verdict, settings: Settings) -> tuple[Group, ...]:
    """The groups for judged results. Groups without a sentence are left out. The verdict's caveat is not repeated."""
    small, large, cascade = (
        results.named(name) for name in (decided.small, decided.large, decided.cascade)
    )
    chosen = [side for side in (small, large, cascade) if side]
    parts = {
        "Comparison": [*_comparison(results, decided, small, large), *_cascades(results, decided)],
        "Costs": cost_words.details(chosen, small, large, settings),
        "Who takes part": _who(results, decided, settings),
        # If a contestant is chosen, the verdict states the first caveat.
        "To bear in mind": caveats(results, decided, settings)[bool(decided.choice) :],
    }
    return tuple(Group(heading, tuple(lines)) for heading, lines in parts.items() if lines)


def _comparison(
    results: Results, decided: Verdict, small: Contestant | None, large: Contestant | None
) -> list[str]:
    if decided.decision == "no comparison":
        choice = results.named(decided.choice)
        if choice is None:
            return []
        kind = KINDS[choice.kind][0]
        rest = [
            c
            for c in results.of_kind(choice.kind)
            if c is not choice and c.name not in decided.excluded
        ]
        return against(results, choice, rest, f"other {kind}")
    sentences = of_whom(results, decided.pair, small) if small and large else []
    if small:
        models = [c for c in results.of_kind("model") if cheaper(c, small)]
        sentences += against(results, small, models, "cheaper model")
    return sentences


def _cascades(results: Results, decided: Verdict) -> Iterator[str]:
    """The cascade that was compared, then those that equal one of their sides."""
    for contestant in results.of_kind("cascade"):
        report = contestant.cascade
        if report is None:
            continue
        notes = "".join(f" {sentence(note.words)}" for note in report.notes)
        rows = f"{count(report.rows)} validation rows"
        large = results.titles[report.large]
        if contestant.alone:
            side = results.titles[contestant.alone]
            why = f"On {rows} {side} alone was good enough, so "
            how = "never" if report.alone == "small" else "always"
            # A note says why no threshold could be chosen. Then no side was found good enough.
            opening = "" if report.notes else why
            yield f"{opening}{contestant.title} {how} asks {large} and equals {side}.{notes}"
        elif contestant.name == decided.cascade:
            clauses = "".join(f"; it {clause(results, pair)}" for pair in decided.cascade_pairs)
            yield (
                f"{contestant.title} asks {large} about {percent(round(report.escalated, 3))} of the test texts, by a "
                f"threshold chosen on {rows}{clauses}.{notes}"
            )


def _who(results: Results, decided: Verdict, settings: Settings) -> list[str]:
    """Contestants that are excluded, could not be chosen, or were chosen on fewer rows than they answered."""
    titles, primary = results.titles, METRICS[settings.metrics.primary].title
    sentences = [
        f"{titles[name]} is excluded: {why.words}." for name, why in decided.excluded.items()
    ]
    for contestant in results.contestants:
        thin = thin_latency(contestant, settings)
        if thin:
            sentences.append(f"The latency of {contestant.title} excludes nobody: {thin.words}.")
    reasons: dict[str, list[str]] = {}
    for name, reason in decided.unranked.items():
        reasons.setdefault(reason.words, []).append(titles[name])
    sentences += [
        f"{listed(names)} could not be chosen by {primary} on validation rows: {why}."
        for why, names in reasons.items()
    ]
    sentences += [
        f"The {KINDS[kind][1]} were compared on the {count(rows)} validation rows that all of them answered; some "
        "answered more."
        for kind, rows in decided.shared.items()
    ]
    return sentences
