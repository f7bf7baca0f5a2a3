"""The prompt: the template of the task's kind, filled in with a data set's words, labels and texts.

A text is data. In a conversation it stands between tags that it can neither close nor open. In a completion it stands
on one line, so that it forges no example. Labels are asked for by ids, lower-case slugs of their names, because an API
may answer an enumerated value in another capitalisation. A name is an answer too, so no id is another label's name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import jinja2

from slingshot.files.prompt import Words
from slingshot.llm.answer import bare

TEMPLATES = Path(__file__).with_name("prompts")
AFTER_SHOT = "\n\n"
"""The end of an example in a completion."""
NULL_TEXT = "N/A"
"""The content-free text of contextual calibration (Zhao et al. 2021, arXiv 2102.09690, section 5)."""
OPENED = re.compile(r"[<＜﹤](?=([^<＜﹤]*))")
"""The first character of a tag, with what follows it up to the next such character."""

AnswerForm = Literal["label", "confidence", "name"]
"""JSON with the label's id, JSON with its id and a confidence, or the label's name alone."""


class Prompt:
    """One data set's prompt. Its parts are those of the template."""

    def __init__(
        self, words: Words, names: Sequence[str], template: str = "classification"
    ) -> None:
        """`words` are the data set's own, `names` the labels in order."""
        self.names, self.ids = tuple(names), slugs(names)
        # A template's macros are attributes of its module, which no type knows.
        self._macros: Any = _environment().get_template(f"{template}.j2").module
        descriptions = words.descriptions
        labels = [
            {"id": slug, "name": name, "description": descriptions.get(name)}
            for slug, name in zip(self.ids, self.names, strict=True)
        ]
        self._task = {**words.as_json(), "labels": labels}

    def system(self, answer: AnswerForm) -> str:
        """Instructions and labels: the same for every text of the data set."""
        return str(self._macros.system(self._task, answer))

    def question(self, text: str) -> str:
        """One message of a conversation: the text between tags."""
        return str(self._macros.question(text))

    def opening(self) -> str:
        """The first line of a completion, e.g. "Classify the sentiment of each tweet as negative or positive."."""
        return str(self._macros.opening(self._task))

    def before(self) -> str:
        """The words before each text of a completion."""
        return str(self._macros.before(self._task))

    def after(self) -> str:
        """The words after each text of a completion, before its label."""
        return str(self._macros.after(self._task))


def slugs(names: Sequence[str]) -> tuple[str, ...]:
    """An id for each label, in order: its name in lower-case ASCII letters, digits and "_".

    Ids differ from each other and from the other labels' names, whatever their capitals, their white space and the
    marks around them. A leading plus makes no difference either: in JSON the number +1 is 1. A number is added only to
    an id that is taken, because ids are part of the requests that were paid for.
    """
    spelt = [bare(name).lstrip("+") for name in names]
    ids: list[str] = []
    for number, name in enumerate(names):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or f"label_{number}"
        taken = {*ids, *spelt[:number], *spelt[number + 1 :]}
        candidate, n = slug, 2
        while candidate in taken:
            candidate, n = f"{slug}_{n}", n + 1
        ids.append(candidate)
    return tuple(ids)


def one_line(text: str) -> str:
    """The text on one line, runs of white space as one blank."""
    return " ".join(text.split())


def escape_tags(text: str) -> str:
    """The text with "<" written as "&lt;" wherever it could be read as the tag around the text, or as that tag's end.

    Full-width letters, accents, blanks and invisible characters do not hide such a tag.
    """

    def escaped(opened: re.Match[str]) -> str:
        letters = "".join(filter(str.isalnum, unicodedata.normalize("NFKD", opened[1]))).casefold()
        return "&lt;" if letters.startswith("text") else opened[0]

    return OPENED.sub(escaped, text)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(  # nosec B701 # a prompt is no HTML
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters |= {"escape_tags": escape_tags, "one_line": one_line}
    return environment
