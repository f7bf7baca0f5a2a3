"""A comparison as Markdown that can also be read as plain text: a table for each data set, its notes, and losses."""

from __future__ import annotations

from collections.abc import Sequence

from slingshot.commands.diff.comparison import Comparison, Dataset, Diff
from slingshot.files.pairs import UNRESOLVED
from slingshot.machine.markdown import bullets, plain
from slingshot.metrics.scored import ENOUGH_SEEDS
from slingshot.report.numbers import score

WORDS = {
    "same": "the same predictions",
    "not compared": "not compared",
    "new": "new",
    "gone": "gone",
}


def text(diff: Diff) -> str:
    """The Markdown, without a newline at its end."""
    rev, metric = _rev(diff), _metric(diff.metric)
    commit = "" if rev == diff.commit[:7] else f" ({diff.commit[:7]})"
    blocks = [f"## {metric[0].upper()}{metric[1:]} of the workspace against {plain(rev)}{commit}"]
    blocks += [
        _preface(diff),
        *(_dataset(diff, dataset) for dataset in diff.datasets),
        _outcome(diff),
    ]
    return "\n\n".join(blocks)


def _preface(diff: Diff) -> str:
    if diff.lower_is_better:
        unit, margin = "A plus is a loss, because lower is better.", f"{diff.margin:g}"
    else:
        unit, margin = "A point is a hundredth of the score.", f"{100 * diff.margin:.1f} points"
    origin = "" if diff.metric == diff.primary else f", set for {_metric(diff.primary)}"
    seed_sd = f"{diff.seed_sd:g} (metrics.seed_sd{origin})"
    return (
        f"The difference is the workspace minus {plain(_rev(diff))}, with its {diff.confidence:.0%} interval. {unit} "
        "Claims are corrected for the number of contestants of a data set. As good: a loss beyond the margin is ruled "
        f"out. The margin is {margin}{origin}. Differences are between recipes: with fewer than {ENOUGH_SEEDS} "
        f"training seeds, a standard deviation of {seed_sd} between seeds is assumed."
    )


def _dataset(diff: Diff, dataset: Dataset) -> str:
    title = f"### {plain(dataset.dataset)}"
    if dataset.presence != "both":
        where = "the workspace" if dataset.presence == "new" else plain(_rev(diff))
        return f"{title}\n\n{dataset.presence.capitalize()}: only {where} has this data set."
    lines = []
    contestants: dict[str, list[str]] = {}  # note -> contestants
    for each in dataset.comparisons:
        figures = (score(each.revision), score(each.workspace), _difference(diff, each))
        lines.append([each.contestant, *figures, _how(each)])
        for note in each.notes:
            contestants.setdefault(note, []).append(each.contestant)
    table = _table(["Contestant", _rev(diff), "workspace", "Difference", "How"], lines)
    notes = [f"{', '.join(names)}: {note}." for note, names in contestants.items()]
    return "\n\n".join(filter(None, [title, table, bullets(notes)]))


def _difference(diff: Diff, comparison: Comparison) -> str:
    if comparison.how in WORDS:
        return WORDS[comparison.how]
    difference = comparison.difference
    if difference is None or difference.difference is None:
        return "undefined"
    scale, digits, unit = (1, 3, "") if diff.lower_is_better else (100, 1, " points")
    shown = f"{scale * difference.difference:+z.{digits}f}{unit}"
    if difference.low is None or difference.high is None:
        return f"{shown}, {UNRESOLVED}"
    interval = f"[{scale * difference.low:z.{digits}f}, {scale * difference.high:z.{digits}f}]"
    return f"{shown} {interval}, {difference.verdict or UNRESOLVED}"


def _how(comparison: Comparison) -> str:
    if comparison.how == "paired":
        return f"paired, {comparison.rows:,} rows"
    if comparison.how == "unpaired":
        rows = f"{comparison.rows:,} rows against {comparison.revision_rows:,}"
        return f"unpaired, {rows}, {comparison.shared_rows:,} shared"
    if comparison.how == "intervals":
        return "unpaired, from the committed intervals, shared rows unknown"
    return ""


def _outcome(diff: Diff) -> str:
    unjudged = {
        " Not paired, so not judged as a loss": diff.not_paired,
        " Too few test rows or groups, so not judged": diff.undecidable,
        " Gone, so not judged": diff.gone,
    }
    lost = (
        f"**Lost beyond the margin: {_names(diff.lost)}.**"
        if diff.lost
        else "Nothing is lost beyond the margin."
    )
    return lost + "".join(f"{what}: {_names(names)}." for what, names in unjudged.items() if names)


def _names(names: Sequence[str]) -> str:
    return plain(", ".join(names))


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    cells = [[plain(cell) for cell in line] for line in (header, *lines)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    first, *others = (
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in cells
    )
    return "\n".join([first, f"|{'|'.join('-' * (width + 2) for width in widths)}|", *others])


def _rev(diff: Diff) -> str:
    """The revision as the user named it; a commit id is cut to 7 digits."""
    named = len(diff.revision) < 7 or not diff.commit.startswith(diff.revision)
    return diff.revision if named else diff.commit[:7]


def _metric(name: str) -> str:
    return "AUROC" if name == "auroc" else name.replace("_", " ").replace("f1", "F1")
