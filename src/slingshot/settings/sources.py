"""Where the rows of a data set come from: `source:` of a data set in params.yaml, one class for each kind."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from slingshot.settings.base import Block, shaped

COLUMN = "the name of one column, in quotes where it is a number"
FILE = "the name of one file; put the rows of several into one"
OF_COLUMNS = {
    "text": (str, f"{COLUMN}; join several into one beforehand"),
    "label": (str, COLUMN),
    "group": (str, f"{COLUMN}; leave the key out where there is none"),
    "file": (str, FILE),
    "test_file": (str, f"{FILE}, or leave the key out where there is none"),
}
"""Key -> its type, and an example for the error message. These keys are easily written in a wrong form."""


def _inside(file: str) -> str:
    if PurePath(file).is_absolute() or ".." in PurePath(file).parts:
        # DVC sees changes only in that folder, and a copy of the repository holds nothing outside it.
        raise ValueError(
            f"'{file}' is outside the data set's folder: put the file into data/raw/D, and write its path from there"
        )
    return file


RawFile = Annotated[str, Field(min_length=1), AfterValidator(_inside)]
"""A file in data/raw/D, by its path from there."""


def separator(value: str) -> str:
    """The value as one character, which is a tab for `tab`. Raises ValueError if it can't separate columns."""
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


class Columns(Block):
    """The columns of a table that hold texts, labels and groups."""

    text: str
    label: str
    group: str | None = None

    @field_validator(*OF_COLUMNS, mode="before", check_fields=False)
    @classmethod
    def _have_their_form(cls, value: object, info: ValidationInfo) -> object:
        optional = info.field_name in ("group", "test_file") and value is None
        return value if optional else shaped(value, OF_COLUMNS[str(info.field_name)])

    @model_validator(mode="after")
    def _text_is_not_the_label(self) -> Self:
        if self.text == self.label:
            raise ValueError(f"text and label both name the column '{self.text}'")
        return self


class FileSource(Columns):
    """The user's own table in data/raw/D: CSV, TSV, JSONL or Parquet, which may be compressed."""

    kind: Literal["file"]
    file: RawFile
    test_file: RawFile | None = None
    encoding: str = "utf-8"
    """The encoding of CSV, TSV and JSONL without a byte order mark."""
    separator: Separator | None = None
    """The separator of CSV and TSV: a character, or `tab`. Null takes the usual separator of the suffix, or else the
    only separator that splits the header into the columns named here."""


class LinesSource(Block):
    """The user's own parallel files in data/raw/D: a line of one is a text, and the same line of the other its
    label."""

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
    """Pattern of the paths in the repository that hold the rows, e.g. `data/train-*`. No other file is fetched, except
    those of `test_file`."""
    test_file: str | None = Field(default=None, min_length=1)
    """Pattern of the paths that hold the test rows."""
    separator: Separator | None = None
    """The separator of CSV, as for a file of your own."""
    revision: str | None = None
    """A branch, a tag or a commit. Null is the default branch in the first run; later runs keep the same commit."""


Source = Annotated[VaderSource | FileSource | LinesSource | HubSource, Field(discriminator="kind")]
