"""`slingshot predict`: a trained model labels the texts of a file, chunk by chunk.

A row with an empty text gets no prediction, because no model was trained on such a text.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from slingshot.commands import streams, writing
from slingshot.finetune.families import Classifier
from slingshot.finetune.saved import FILE, Saved
from slingshot.machine.progress import sole_bar
from slingshot.settings import Family, UserError
from slingshot.tables.decoding import ReadOptions
from slingshot.tables.records import blocks
from slingshot.tables.unpacking import opened


@dataclass
class RowCounts:
    """The number of rows, and how many of them have an empty text."""

    rows: int = 0
    empty: int = 0


def label(
    folder: Path,
    file: Path,
    column: str,
    output: Path | None,
    batch: int,
    options: ReadOptions,
    *,
    safe: bool = True,
) -> RowCounts:
    """Label the texts in `column` of `file` with the model in `folder`, up to `batch` rows at a time.

    Writes `output` completely or not at all; if it is None, writes to the standard output in the format of `file`.
    `safe` turns cells of a table that a spreadsheet would run as formulas into plain text. Raises UserError that names
    the file, the line and the remedy.
    """
    saved = Saved.read(folder)
    suffix = writing.format_of(file, output)
    if output and output.resolve() == file.resolve():
        raise UserError(f"{output}: is the input file; name another file as --output")
    counts = RowCounts()
    with opened(file) as unpacked:
        columns, rows = streams.read_rows(file, unpacked, column, options)
        chunks = blocks(rows, batch, lambda row: row.size)
        first = next(chunks, [])  # refuses a malformed file before the model is loaded
        model = saved.load(folder)
        with writing.sink(output) as put, sole_bar(file.stat().st_size, file.name, "B") as progress:
            write = writing.writer(put, file, suffix, columns, saved.labels, safe)
            for chunk in itertools.chain([first], chunks):
                predicted = _scores(model, folder, saved.labels, chunk)
                for row, scores in zip(chunk, predicted, strict=True):
                    write(row, scores)
                    counts.empty += scores is None
                counts.rows += len(chunk)
                # `update` draws the bar, at limited intervals.
                progress.set_postfix(rows=f"{counts.rows:,}", refresh=False)
                progress.update(unpacked.place() - progress.n)
    return counts


def _scores(
    model: Classifier[Family],
    folder: Path,
    labels: Sequence[str],
    chunk: Sequence[streams.InputRow],
) -> Iterator[dict[str, float] | None]:
    """Each row's probabilities by class; None for a row without a text."""
    texts = [row.text for row in chunk if row.text.strip()]
    predicted = iter(model.predict(texts).tolist() if texts else [])
    for row in chunk:
        values = next(predicted) if row.text.strip() else None
        if values is not None and len(values) != len(labels):
            raise UserError(
                f"{folder}: the model has {len(values)} classes, but {FILE} {len(labels)}; export it again"
            )
        yield None if values is None else dict(zip(labels, values, strict=True))
