"""The `datasets:` block of params.yaml: what rows are and how they are split. `sources` says where they come from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from slingshot.settings.base import Block, Count, Date, Line, Share, nearest, shaped
from slingshot.settings.sources import Source, VaderSource

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
"""Key -> its type, and an example for the error message. These keys are easily written in a wrong form."""


class SplitSettings(Block):
    by: Literal["group", "row"] = "group"
    """`row` splits rows at random, whatever their group. That is a leak on purpose, and the audit warns of it."""
    validation: Share = 0.2
    """Share of all rows; where the source has a test file of its own, share of the other rows."""
    test: Share = 0.2
    """Share of all rows; unused where the source has a test file of its own."""
    near: float | None = Field(default=0.9, gt=0, le=1)
    """Jaccard similarity from which two texts are near duplicates; null counts near duplicates, but joins none."""
    drop_shared: bool = True
    """Whether train drops rows that share a group with the source's own test file."""

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
    """The data set's own words in a prompt: what a text and a label are called, and what labels mean."""

    text: Line = "Text"
    """What a text is called, e.g. `Tweet`."""
    label: Line = "Label"
    """What a label is called, e.g. `Sentiment`."""
    instructions: str | None = None
    """What else an LLM should know about the task, e.g. how to decide between two labels."""
    descriptions: dict[str, Line] = {}
    """Label name -> its meaning. A label may have none: then the prompt shows its name alone."""


class DatasetSettings(Block):
    source: Source
    labels: list[str] | dict[str, str] | None = None
    """Label names in order, or {value in the file: name} in order; null takes the values of the file, sorted."""
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
        """Whether the source has a test file of its own."""
        return any(getattr(self.source, key, None) for key in ("test_file", "test_text_file"))

    @field_validator(*OF_A_DATA_SET, mode="before")
    @classmethod
    def _have_their_form(cls, value: object, info: ValidationInfo) -> object:
        return shaped(value, OF_A_DATA_SET[str(info.field_name)])

    @field_validator("labels", mode="before")
    @classmethod
    def _are_two_names_or_more(cls, labels: object) -> object:
        """Gives one error. Pydantic would report what is wrong twice: for a list, and for a mapping."""
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
        names = self.labels.values() if isinstance(self.labels, dict) else self.labels
        unknown = [name for name in self.prompt.descriptions if names and name not in names]
        if unknown and names:
            raise ValueError(
                f"prompt.descriptions: '{unknown[0]}' is not a label{nearest(unknown[0], names)}"
            )
        return self

    @model_validator(mode="after")
    def _cuts_make_the_classes(self) -> Self:
        if not isinstance(self.source, VaderSource):
            return self
        cuts = self.source.cuts
        if sorted(set(cuts)) != cuts:
            raise ValueError("source.cuts must ascend")
        if not isinstance(self.labels, list) or len(self.labels) != len(cuts) + 1:
            raise ValueError(f"{len(cuts)} cuts need {len(cuts) + 1} labels")
        return self

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        # In a mapping several values of the file may have the same name.
        if isinstance(self.labels, list) and len(set(self.labels)) != len(self.labels):
            raise ValueError("labels repeat a name")
        return self
