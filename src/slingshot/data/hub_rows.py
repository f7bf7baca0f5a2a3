"""Rows of a data set on the Hugging Face hub: Parquet, CSV or JSONL files of one commit.

Only the files that `source` names are fetched, and only the needed columns are kept; those of Parquet are memory-mapped
Arrow. The files are data: no script of the repository is run, and nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd
import pyarrow as pa

from slingshot.files.storage.atomic import scratch
from slingshot.machine import state
from slingshot.pretrained import hub
from slingshot.settings import HubSource, UserError
from slingshot.tables import files
from slingshot.tables.decoding import ReadOptions
from slingshot.tables.parquet_tables import batches, strings
from slingshot.tables.row_limit import RowLimit

FORMATS = (".parquet", ".csv", ".jsonl")


def read(source: HubSource, named: bool, folder: Path) -> tuple[pd.DataFrame, str]:
    """Rows as `files.read` gives them, and their commit.

    named: whether numbers in the label column become the names that the file has for them; otherwise `labels` of
    params.yaml map the numbers. folder: where a local copy of the files may be put. Raises UserError with the id of the
    data set and the key of params.yaml.
    """
    patterns = {"file": source.file} | ({"test_file": source.test_file} if source.test_file else {})
    local = "{kind: file, file: NAME, text: COLUMN, label: COLUMN}"
    remedy = f"put a copy of the rows into {folder} and write `source: {local}` in params.yaml"
    snapshot, commit = hub.fetch(
        source.id, "dataset", source.revision, list(patterns.values()), remedy
    )
    matched = _matched(source, commit, patterns)
    limit = RowLimit()
    parts = [
        _table([snapshot / path for path in paths], source, key, named, limit)
        for key, paths in matched.items()
    ]
    return files.joined(
        parts, [f"dataset '{source.id}': {pattern}" for pattern in patterns.values()], "file"
    ), commit


def _matched(source: HubSource, commit: str, patterns: dict[str, str]) -> dict[str, list[str]]:
    """Key -> paths of its files. Raises UserError if a key has none or files of two formats, or two keys share one."""
    known = hub.names(source.id, "dataset", commit)
    matched = {key: hub.matching(known, [pattern]) for key, pattern in patterns.items()}
    for key, paths in matched.items():
        where = f"dataset '{source.id}': source.{key} '{patterns[key]}'"
        formats = sorted({Path(path).suffix.lower() for path in paths})
        if not paths:
            raise UserError(f"{where} matches no file; the repository holds {_list(known)}")
        if len(formats) > 1 or formats[0] not in FORMATS:
            raise UserError(
                f"{where} matches {_list(paths)}; expected files of one format of {', '.join(FORMATS)}"
            )
    both = set(matched["file"]) & set(matched.get("test_file", []))
    if both:
        raise UserError(
            f"dataset '{source.id}': source.file and source.test_file both match {_list(sorted(both))}"
        )
    return matched


def _table(
    paths: list[Path], source: HubSource, key: str, named: bool, limit: RowLimit
) -> pd.DataFrame:
    """Columns text, label and group, as strings."""
    wanted = {"text": source.text, "label": source.label, "group": source.group}
    names = list(dict.fromkeys(name for name in wanted.values() if name))
    options = ReadOptions(separator=source.separator)
    if paths[0].suffix.lower() == ".parquet":
        for path in paths:
            for _ in batches(path, names, options, limit):
                pass  # refuses what would fill the memory before datasets reads it
        return files.in_roles(_parquet(paths, names, source, key, named), wanted)
    tables = [files.read_columns(path, names, options, limit) for path in paths]
    return files.in_roles(pd.concat(tables, ignore_index=True), wanted)


def _parquet(
    paths: list[Path], names: list[str], source: HubSource, key: str, named: bool
) -> dict[str, pd.Series]:
    """The columns of Parquet files as memory-mapped Arrow. named: whether numbers get the names in the files.

    The Arrow files are deleted at once: mapped columns stay readable, and no later run finds a damaged file.
    """
    import datasets

    datasets.disable_progress_bars()
    try:
        with scratch(state.root() / "arrow") as folder:
            loaded = datasets.Dataset.from_parquet(
                list(map(str, paths)), cache_dir=str(folder), columns=names
            )
            columns = {
                name: strings(Path(getattr(source, key)), name, loaded.data.column(name))
                for name in names
            }
    except (
        datasets.exceptions.DatasetGenerationError,
        pa.ArrowException,
        ValueError,
        OSError,
        UserError,
    ) as error:
        for path in paths:
            # This fails too, and names the file, the column and the row.
            files.read_columns(path, names, ReadOptions(), RowLimit())
        reason = (str(error.__cause__ or error).strip().splitlines() or ["no reason given"])[0]
        raise UserError(
            f"dataset '{source.id}': the files of source.{key} can't be read: {reason}"
        ) from None
    feature = loaded.features[source.label]
    if named and isinstance(feature, datasets.ClassLabel):
        names_of_numbers = {str(number): name for number, name in enumerate(feature.names)}
        columns[source.label] = columns[source.label].map(names_of_numbers)
    return columns


def _list(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown or "nothing"
