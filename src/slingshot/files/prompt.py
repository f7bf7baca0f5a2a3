"""data/prepared/D/prompt.json: the data set's own words in a prompt."""

from __future__ import annotations

from slingshot.files.storage.record import Record


class Words(Record):
    """The words that fill a prompt's template."""

    text: str
    """What a text is called, e.g. `Tweet`."""
    label: str
    """What a label is called, e.g. `Sentiment`."""
    instructions: str | None
    """What else an LLM should know about the task."""
    descriptions: dict[str, str]
    """Label -> its meaning. A label may have none: then the prompt shows its name alone."""
