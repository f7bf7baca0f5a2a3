"""The `datasets:` block of params.yaml: where rows come from, what they are, how they are split."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from slingshot.settings.base import Block, Count, Date, Line, Share, nearest, shaped


def _inside(file: str) -> str:
    if PurePath(file).is_absolute() or ".." in PurePath(file).parts:
        # DVC sees a change only in there, and a copy of the repository holds nothing outside it.
        raise ValueError(
            f"'{file}' leads out of the data set's folder: put it in data/raw/D, and name it from there"
        )
    return file


RawFile = Annotated[str, Field(min_length=1), AfterValidator(_inside)]
"""A file in data/raw/D, by its path from there."""


def separator(value: str) -> str:
    """The character itself, also of `tab`. Raises ValueError for what separates nothing."""
    mark = "\t" if value == "tab" else value
    if len(mark) != 1 or mark.isalnum() or mark in "\"'\r\n ":
        raise ValueError(f'expected one character such as ";", or tab, found {value!r}')
    return mark


Separator = Annotated[str, AfterValidator(separator)]


class VaderSource(Block):
    """Human-rated text inside the vaderSentiment source distribution (MIT)."""

    kind: Literal["vader"]
    file: str
    cuts: list[float] = Field(min_length=1)
    """Ascending; a rating on a cut belongs to the upper class."""
    group_prefix: bool = False
    """Group rows by the part of their id before the first "_"."""


COLUMN = "the name of one column, in quotes where it is a number"
FILE = "the name of one file; put the rows of several into one"
OF_COLUMNS = {
    "text": (str, f"{COLUMN}; join several into one beforehand"),
    "label": (str, COLUMN),
    "group": (str, f"{COLUMN}; leave the key out where there is none"),
    "file": (str, FILE),
    "test_file": (str, f"{FILE}, or leave the key out where there is none"),
}
OF_A_DATA_SET = {
    "source": (dict, "a mapping such as {kind: file, file: rows.csv, text: COLUMN, label: COLUMN}"),
    "label_source": (str, "who labelled the rows, e.g. human, or the name of a model"),
    "licence": (str, "a few words, e.g. internal"),
    "may_leave": (bool, "true or false"),
    "description": (str, "what a text is, e.g. tweet; leave the key out to call it text"),
    "prompt": (
        dict,
        "a mapping such as {text: Ticket, label: Team}; leave the key out for Text and Label",
    ),
    "split": (
        dict,
        "a mapping such as {validation: 0.2, test: 0.2} or {by: row}; leave the key out for these shares",
    ),
    "max_rows": (
        dict,
        "a mapping such as {train: 1000}, {validation: 200} or {test: 500}; leave the key out for all",
    ),
}
"""Key -> its type, and how it is written: what is easily taken for another form."""


class Columns(Block):
    """Which columns of a table hold what."""

    text: str
    label: str
    group: str | None = None

    @field_validator(*OF_COLUMNS, mode="before", check_fields=False)
    @classmethod
    def _have_their_form(cls, value: Any, info: ValidationInfo) -> Any:
        optional = info.field_name in ("group", "test_file") and value is None
        return value if optional else shaped(value, OF_COLUMNS[str(info.field_name)])

    @model_validator(mode="after")
    def _text_is_no_label(self) -> Self:
        if self.text == self.label:
            raise ValueError(f"text and label both name the column '{self.text}'")
        return self


class FileSource(Columns):
    """The user's own table in data/raw/D: CSV, TSV, JSONL or Parquet, compressed too."""

    kind: Literal["file"]
    file: RawFile
    test_file: RawFile | None = None
    encoding: str = "utf-8"
    """Of CSV, TSV and JSONL without a byte order mark."""
    separator: Separator | None = None
    """Between the columns of CSV and TSV: a character, or `tab`; null takes that of the suffix, or the only one under
    which the header has the columns."""


class LinesSource(Block):
    """The user's own parallel files in data/raw/D, one text and one label a line."""

    kind: Literal["lines"]
    text_file: RawFile
    label_file: RawFile
    test_text_file: RawFile | None = None
    test_label_file: RawFile | None = None
    encoding: str = "utf-8"

    @model_validator(mode="after")
    def _test_files_come_together(self) -> Self:
        if (self.test_text_file is None) != (self.test_label_file is None):
            raise ValueError("test_text_file and test_label_file go together")
        return self


class HubSource(Columns):
    """Files of a data set's repository on the Hugging Face hub: Parquet, CSV or JSONL."""

    kind: Literal["hub"]
    id: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """OWNER/NAME."""
    file: str = Field(min_length=1)
    """Pattern of the paths in the repository that hold the rows, e.g. `data/train-*`; only these are fetched."""
    test_file: str | None = Field(default=None, min_length=1)
    """Pattern of the paths that hold the test rows."""
    separator: Separator | None = None
    """Between the columns of CSV, as for a file of your own."""
    revision: str | None = None
    """A branch, a tag or a commit; null takes the default branch, and later runs the commit that it was at first."""


class SplitSettings(Block):
    by: Literal["group", "row"] = "group"
    """`row` splits rows at random, whatever their group: a leak kept on purpose, of which the audit warns."""
    validation: Share = 0.2
    """Share of all rows; where the source has a test file of its own, of the training rows left."""
    test: Share = 0.2
    """Share of all rows; unused where the source has a test file of its own."""
    near: float | None = Field(default=0.9, gt=0, le=1)
    """Jaccard similarity from which two texts are near duplicates; null only counts them."""
    drop_shared: bool = True
    """Drop rows of train that share a group with a given test file."""

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave no rows to train on")
        return self


class MaxRows(Block):
    train: Count | None = None
    validation: Count | None = None
    test: Count | None = None


class PromptWords(Block):
    """What a prompt says of the task: its words for a text and a label (`Tweet`, `Sentiment`), what the labels mean."""

    text: Line = "Text"
    label: Line = "Label"
    instructions: str | None = None
    """What else an LLM should know of the task, e.g. how to decide between two labels."""
    descriptions: dict[str, Line] = {}
    """Label name -> what it means; a name without one stands alone."""


class DatasetSettings(Block):
    source: Annotated[
        VaderSource | FileSource | LinesSource | HubSource, Field(discriminator="kind")
    ]
    labels: list[str] | dict[str, str] | None = None
    """Label names in their order, or {value in the file: name} in that order; null sorts what is found."""
    label_source: str
    """Who labelled the rows: `human`, or the name of a model such as `GPT-3.5`."""
    licence: str
    published: Date | None = None
    may_leave: bool = False
    """Whether texts may be sent to a remote provider."""
    description: str = "text"
    """What a text is, e.g. `tweet`."""
    prompt: PromptWords = PromptWords()
    split: SplitSettings = SplitSettings()
    max_rows: MaxRows = MaxRows()

    @property
    def has_test_file(self) -> bool:
        """Whether the source's own test rows are kept."""
        return any(getattr(self.source, key, None) for key in ("test_file", "test_text_file"))

    @field_validator(*OF_A_DATA_SET, mode="before")
    @classmethod
    def _have_their_form(cls, value: Any, info: ValidationInfo) -> Any:
        return shaped(value, OF_A_DATA_SET[str(info.field_name)])

    @field_validator("labels", mode="before")
    @classmethod
    def _are_two_names_or_more(cls, labels: Any) -> Any:
        """In one line; the union alone would report what each of its sides finds wrong."""
        if labels is None:
            return labels
        if not isinstance(labels, list | dict):
            raise ValueError(
                f"found {labels!r}; write a list such as [low, high], or {{value in the file: name}}"
            )
        names = list(labels.values()) if isinstance(labels, dict) else labels
        if not all(isinstance(name, str) for name in [*labels, *names]):
            raise ValueError('put labels in quotes, e.g. "0"')
        if len(set(names)) < 2:
            raise ValueError(
                "a comparison needs two names or more; leave the key out to take what the file holds"
            )
        return labels

    @model_validator(mode="after")
    def _descriptions_are_of_labels(self) -> Self:
        names = (
            self.labels.values()
            if isinstance(self.labels, dict)
            else self.labels or self.prompt.descriptions
        )
        unknown = [name for name in self.prompt.descriptions if name not in names]
        if unknown:
            raise ValueError(
                f"prompt.descriptions: '{unknown[0]}' is no label{nearest(unknown[0], names)}"
            )
        return self

    @model_validator(mode="after")
    def _cuts_make_the_classes(self) -> Self:
        if isinstance(self.source, VaderSource):
            if sorted(set(self.source.cuts)) != self.source.cuts:
                raise ValueError("source.cuts must ascend")
            if not isinstance(self.labels, list) or len(self.labels) != len(self.source.cuts) + 1:
                raise ValueError(
                    f"{len(self.source.cuts)} cuts need {len(self.source.cuts) + 1} labels"
                )
        if isinstance(self.labels, list) and len(set(self.labels)) != len(self.labels):
            raise ValueError("labels repeat a name")
        return self
