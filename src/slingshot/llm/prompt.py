"""The prompt: a template that is filled with a data set's words, labels and texts.

A text is data, not an instruction. In a conversation it is between tags, and can neither close nor open such a tag. In
a completion it is on one line, so that it can't imitate an example. The LLM answers with a label's id, a lower-case
slug of its name, because an API may change the case of an enumerated value. A label's name is a valid answer too, so no
id is the name of another label.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, Protocol, cast

import jinja2

from slingshot.files.prompt import Words
from slingshot.llm.answer import bare

TEMPLATES = Path(__file__).with_name("prompts")
AFTER_SHOT = "\n\n"
"""The end of an example in a completion."""
NULL_TEXT = "N/A"
"""The content-free text of contextual calibration (Zhao et al. 2021, arXiv 2102.09690, section 5)."""
OPENED = re.compile(r"[<＜﹤](?=([^<＜﹤]*))")
"""The first character of a tag, with the text up to the next such character."""

AnswerForm = Literal["label", "confidence", "name"]
"""JSON with the label's id, JSON with its id and a confidence, or the label's name alone."""


class Macros(Protocol):
    """The macros of a template, which are attributes of its module."""

    def system(self, task: dict[str, object], answer: AnswerForm, /) -> str: ...

    def question(self, text: str, /) -> str: ...

    def opening(self, task: dict[str, object], /) -> str: ...

    def before(self, task: dict[str, object], /) -> str: ...

    def after(self, task: dict[str, object], /) -> str: ...


class Prompt:
    """One data set's prompt. Each method fills one macro of the template."""

    def __init__(
        self, words: Words, names: Sequence[str], template: str = "classification"
    ) -> None:
        """`words` are the data set's words, and `names` its labels in order."""
        self.names, self.ids = tuple(names), slugs(names)
        self._macros = cast(Macros, _environment().get_template(f"{template}.j2").module)
        descriptions = words.descriptions
        labels = [
            {"id": slug, "name": name, "description": descriptions.get(name)}
            for slug, name in zip(self.ids, self.names, strict=True)
        ]
        self._task: dict[str, object] = {**words.as_json(), "labels": labels}

    def system(self, answer: AnswerForm) -> str:
        """The instructions and the labels, which are the same for every text of the data set."""
        return str(self._macros.system(self._task, answer))

    def question(self, text: str) -> str:
        """A message of a conversation: the text between tags."""
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

    Ids differ from each other and from the other labels' names in more than case, white space, marks around them and a
    leading plus (the number +1 is 1 in JSON). An id that is taken already gets a number. Other ids never change,
    because they are part of requests that were paid for.
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
    """The text on one line, with one space for each run of white space."""
    return " ".join(text.split())


def escape_tags(text: str) -> str:
    """The text with "&lt;" for each "<" that could begin the tag around the text, or the end of that tag.

    Full-width letters, accents, spaces and invisible characters do not hide such a tag.
    """

    def escaped(opened: re.Match[str]) -> str:
        letters = "".join(filter(str.isalnum, unicodedata.normalize("NFKD", opened[1]))).casefold()
        return "&lt;" if letters.startswith("text") else opened[0]

    return OPENED.sub(escaped, text)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(  # nosec B701 # a prompt is not HTML
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters |= {"escape_tags": escape_tags, "one_line": one_line}
    return environment
