"""The limits of the verdict, the most important first. The verdict states the first; the rest is printed below it."""

from __future__ import annotations

from slingshot.files.notes.base import Note, sentence
from slingshot.files.notes.figures import FEW_GROUPS, FewSeeds, TestGroups
from slingshot.files.verdict import Verdict
from slingshot.report.claims import differs, gap
from slingshot.report.cost_words import labels_turn_it
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import score
from slingshot.settings import Settings
from slingshot.settings.catalogue import METRICS


def caveats(results: Results, decided: Verdict, settings: Settings) -> list[str]:
    """The caveats, one sentence each."""
    small, large, choice = (
        results.named(name) for name in (decided.small, decided.large, decided.choice)
    )
    asks = choice is not None and choice.kind != "model"
    sentences = [
        *_labels(results),
        *_pairs(results),
        *_majority(results, choice, settings.metrics.primary),
        *_other_training(results, decided),
        *(_seen(results, choice) if asks else []),
    ]
    if small and large and (turned := labels_turn_it(small, large, settings)):
        sentences.append(turned)
    sentences += _groups(results)
    # Notes of the table say how often each contestant was trained. The verdict repeats it only without another caveat.
    return sentences or _few_seeds(choice)


def _seen(results: Results, contestant: Contestant | None) -> list[str]:
    """That an LLM may know the test texts from its training."""
    if contestant is None or not results.may_have_been_seen(contestant):
        return []
    llm = f"The LLM of {contestant.title}" if contestant.cascade else contestant.title
    return [
        f"{llm} may have seen the texts: they were published on {results.audit.published}, and its training data end "
        f"on {contestant.training_cutoff}."
    ]


def _labels(results: Results) -> list[str]:
    source = results.audit.label_source
    if source == "human":
        return []
    return [f"{source} wrote the labels, so a score is agreement with {source}, not with people."]


def _pairs(results: Results) -> list[str]:
    """Why nothing, or little, can be claimed of any pair of the data set."""
    notes = [note for note in results.pairs.notes if not _only_narrow(note)]
    undecidable = results.pairs.undecidable
    return [sentence(note.words) for note in (*([undecidable] if undecidable else []), *notes)]


def _groups(results: Results) -> list[str]:
    """That intervals are slightly narrow."""
    return [sentence(note.words) for note in results.pairs.notes if _only_narrow(note)]


def _only_narrow(note: Note) -> bool:
    return isinstance(note, TestGroups) and note.effective >= FEW_GROUPS


def _majority(results: Results, choice: Contestant | None, primary: str) -> list[str]:
    """That the recommended contestant is not shown to beat the majority class."""
    majority = results.audit.majority.figure(primary)
    low = choice.interval(primary).low if choice else None
    if choice is None or majority is None or low is None or low > majority:
        return []
    return [
        f"{choice.title} is not shown to beat the majority class, which has {METRICS[primary].title} "
        f"{score(majority)} without reading a text."
    ]


def _other_training(results: Results, decided: Verdict) -> list[str]:
    """That a claim about the trained model is not resolved for another training of it."""
    pair = decided.pair
    recipe = pair.of_recipe if pair else None
    if pair is None or recipe is None or not differs(pair):
        return []
    title = results.titles[pair.a]
    return [
        f"This is about the {title} trained here: after another training, the difference may be "
        f"{gap(results, recipe)}; more training seeds may settle it."
    ]


def _few_seeds(choice: Contestant | None) -> list[str]:
    if choice is None:
        return []
    notes = [note for note in choice.intervals.notes if isinstance(note, FewSeeds)]
    return [f"{choice.title} was {note.words}." for note in notes]
