"""The table of contestants of one data set, and what must be said beside it.

Built once; summary.md, index.html and `slingshot show` print the same cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slingshot.report.inputs import Contestant, Figures, Results
from slingshot.report.numbers import MISSING, count, percent, score, significant
from slingshot.settings import Settings
from slingshot.settings.catalogue import PRIMARY

MAJORITY = "majority class"
CEILINGS = {"ceiling, test rows alone": "within", "ceiling, all rows": "whole"}
"""Title -> key in the audit's ceilings of the test rows."""
NEAR_ONE = 0.99
"""Ceilings from here on limit nothing that a reader would see."""
SEEN = "may have been seen"
TOKENS = (
    "Tokens are each contestant's own (words where a model has no tokenizer; for a local LLM the text and the words "
    "around it, without its few-shot prefix), so compare contestants by the cost per 1,000 texts."
)


@dataclass(frozen=True)
class Column:
    """`key` in the scores or cost file; `short` for a narrow terminal, `long` elsewhere."""

    key: str
    short: str
    long: str


@dataclass(frozen=True)
class TableRow:
    """`name` stands in params.yaml, `title` is what is printed; `mark` qualifies the figures."""

    name: str
    title: str
    mark: str
    cells: tuple[str, ...]

    @property
    def label(self) -> str:
        return f"{self.title}, {self.mark}" if self.mark else self.title


@dataclass(frozen=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]


def build(results: Results, settings: Settings) -> Table:
    """Rows by the primary metric on test, best first; the majority class and the ceilings, no contestants, last."""
    primary = settings.metrics.primary
    contestants = sorted(results.contestants, key=lambda c: -(c.scores.get(primary) or 0))
    columns = _columns(results, settings)
    rows = [
        TableRow(
            name=c.name,
            title=c.title,
            mark=SEEN if results.may_have_been_seen(c) else "",
            cells=tuple(_cell(c, column.key, primary) for column in columns),
        )
        for c in contestants
    ]
    majority = results.audit.get("majority") or {}
    cells = (majority.get(column.key) if column.key in _METRICS else None for column in columns)
    rows.append(TableRow("", MAJORITY, "", tuple(score(value) for value in cells)))
    for title, ceiling in _ceilings(results.audit).items():
        rows.append(
            TableRow(
                "",
                title,
                "",
                tuple(score(ceiling if c.key == "accuracy" else None) for c in columns),
            )
        )
    return Table(columns, tuple(rows), tuple(_notes(results, contestants, settings)))


_METRICS = (*PRIMARY, "log_loss")


def _ceilings(audit: Figures) -> dict[str, float]:
    """Title -> ceiling on the test rows, where labels that contradict each other hold a score down."""
    test = (audit.get("ceiling") or {}).get("test") or {}
    known = {title: test[key] for title, key in CEILINGS.items() if test.get(key) is not None}
    return known if min(known.values(), default=1) < NEAR_ONE else {}


def _columns(results: Results, settings: Settings) -> tuple[Column, ...]:
    metrics, currency = settings.metrics, settings.cost.currency
    labels = results.audit["label_source"]
    agreement = "" if labels == "human" else f", agreement with {labels}"
    named = {
        "accuracy": ("Accuracy", f"Accuracy{agreement}"),
        "balanced_accuracy": ("Bal. acc.", "Balanced accuracy"),
        "macro_f1": ("Macro F1", "Macro-F1"),
        "auroc": ("AUROC", "AUROC (scores from)"),
        "log_loss": ("Log loss", "Log-loss"),
        "coverage": ("Cover", "Coverage"),
        "train_seconds": ("Train s", "Training seconds"),
        "cost_per_1000_texts": (f"{currency} /1k texts", f"{currency} per 1,000 texts"),
        "cost_per_million_tokens": (f"{currency} /M tokens", f"{currency} per million tokens"),
        "train_rows": ("Train rows", "Training rows"),
    }
    interval = f" [{percent(metrics.confidence)}]"
    short, long = named.pop(metrics.primary)
    first = Column(metrics.primary, short + agreement + interval, long + interval)
    return (first, *(Column(key, *names) for key, names in named.items()))


def _cell(contestant: Contestant, key: str, primary: str) -> str:
    value = _value(contestant, key)
    if key in (primary, "auroc"):
        interval = (contestant.intervals.get("metrics") or {}).get(key) or {}
        known = interval.get("low") is not None and interval.get("high") is not None
        between = (
            f" [{score(interval['low'])}–{score(interval['high'])}]"
            if known and key == primary
            else ""
        )
        source = (
            f" {contestant.intervals.get('score_source', '')}"
            if key == "auroc" and value is not None
            else ""
        )
        return score(value) + between + source
    if key in _METRICS or key == "coverage":
        return score(value)
    return (
        count(value)
        if key == "train_rows"
        else significant(value, 2 if key.startswith("cost") else 3)
    )


def _value(contestant: Contestant, key: str) -> float | None:
    of_cost = key.startswith("cost") or key == "train_seconds"
    value = getattr(contestant.cost, key) if of_cost else contestant.scores.get(key)
    return None if value is None else float(value)


def _notes(results: Results, contestants: list[Contestant], settings: Settings) -> Iterator[str]:
    yield (
        f"The {MAJORITY} is what always answering the most frequent training label would score: computed, neither "
        "trained nor run, hence its dashes; no contestant."
    )
    if "auroc" in (majority := results.audit.get("majority") or {}) and majority["auroc"] is None:
        yield f"{MISSING} {MAJORITY}: AUROC: undefined, as the test rows are of one class."
    yield from _held_down(results.audit)
    yield TOKENS
    labels = results.audit["label_source"]
    if labels != "human":
        yield f"Labels were written by {labels}, not by people: accuracy here is agreement with {labels}."
    for c in contestants:
        if results.may_have_been_seen(c):
            yield (
                f"{c.title}: {SEEN}; the texts were published on {results.audit['published']}, its training "
                f"data ended on {c.training_cutoff}."
            )
    sources = {c.title: c.intervals.get("score_source") for c in contestants}
    if len(set(sources.values())) > 1:
        listed = ", ".join(f"{title}: {source}" for title, source in sources.items())
        yield f"AUROC and log-loss stand side by side from different score sources ({listed})."
    yield from _missing(results, contestants, settings)
    yield from [results.left_out] if results.left_out else []
    shared = results.pairs.get("notes") or []  # which the verdict says
    own = [
        (c.title, note)
        for c in contestants
        for note in c.intervals.get("notes") or []
        if note not in shared
    ]
    yield from dict.fromkeys(f"{title}: {note}" for title, note in own)


def _held_down(audit: Figures) -> Iterator[str]:
    """What texts under several labels do to every score above."""
    ceilings = [score(value) for value in _ceilings(audit).values()]
    if len(ceilings) == len(CEILINGS):
        yield (
            "The ceilings are accuracies that the labels allow, no contestants: some texts stand under several labels. "
            f"Nobody who reads the text alone, case and white space aside, can pass {ceilings[0]} on these test rows. "
            f"Giving each text its most frequent label among all rows would score {ceilings[1]}. Where copies of "
            "a text lie on both sides of a split, few of them meet in test: the first is then high although the texts "
            "do not tell the labels apart, and copies remembered from training move every score. Where all copies lie "
            "on one side, the two are alike, and a score near them is as good as scores get."
        )


def _missing(results: Results, contestants: list[Contestant], settings: Settings) -> Iterator[str]:
    """One note per contestant whose row holds a dash, with the reason."""
    columns = _columns(results, settings)
    for c in contestants:
        absent = [column for column in columns if _value(c, column.key) is None]
        reasons = [
            f"{column.long.split(' [')[0].split(' (')[0]}: {_reason(c, column.key)}"
            for column in absent
        ]
        if reasons:
            yield f"{MISSING} {c.title}: {'; '.join(reasons)}."


def _reason(contestant: Contestant, key: str) -> str:
    given = ((contestant.intervals.get("metrics") or {}).get(key) or {}).get("reason")
    if given:
        return str(given)
    if key == "train_seconds" and contestant.kind == "llm":
        return "prompted, not trained"
    return "not measured"


def facts(audit: Figures) -> list[str]:
    """What the audit says of the data set, one fact a line: rows, labels, ceilings."""
    rows = audit.get("rows") or {}
    lines = [
        f"{count(rows.get('train'))} training, {count(rows.get('validation'))} validation and "
        f"{count(rows.get('test'))} test rows; labels: {audit.get('label_source', MISSING)}; "
        f"licence: {audit.get('licence', MISSING)}; published: {audit.get('published') or MISSING}."
    ]
    ceiling = audit.get("ceiling") or {}
    test, whole = ceiling.get("test") or {}, ceiling.get("all") or {}
    meaning = ceiling.get("meaning") or {}
    if test.get("within") is not None:
        lines.append(
            f"Ceiling: {score(test['within'])} on the test rows, {score(whole.get('within'))} on the whole data set. "
            f"{meaning.get('within', '')}".rstrip()
        )
    if test.get("whole") is not None:
        lines.append(
            f"Ceiling on the test rows by the majorities of the whole data set: {score(test['whole'])}. "
            f"{meaning.get('whole', '')}".rstrip()
        )
    return lines
