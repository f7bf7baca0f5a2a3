"""What an LLM is told: the template of the task's kind, filled in with a data set's words, labels and texts.

A text is data. In a conversation it stands between tags that it can neither close nor open, in a completion on one
line, so that it forges no example. Labels are asked for by ids, lower-case slugs of their names, because an API may
answer an enumerated value in another capitalisation. A name is an answer too, so no id is another label's name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import jinja2

from slingshot.files.storage.json_files import read_json
from slingshot.llm.answer import bare
from slingshot.settings import UserError

TEMPLATES = Path(__file__).with_name("prompts")
AFTER_SHOT = "\n\n"
"""What ends an example in a completion."""
NULL_TEXT = "N/A"
"""The content-free text of contextual calibration (Zhao et al. 2021, arXiv 2102.09690, section 5)."""
OPENED = re.compile(r"[<＜﹤](?=([^<＜﹤]*))")
"""What a tag begins with, and what follows up to the next."""

AnswerForm = Literal["label", "confidence", "name"]
"""JSON with the label's id, JSON with its id and a confidence, or the label's name alone."""


class Prompt:
    """One data set's prompt. Its parts are those of the template."""

    def __init__(
        self, words: dict[str, Any], names: Sequence[str], template: str = "classification"
    ) -> None:
        """`words` is data/prepared/D/prompt.json, `names` the labels in order."""
        self.names, self.ids = tuple(names), slugs(names)
        self._macros: Any = _environment().get_template(f"{template}.j2").module
        described = words["descriptions"]
        labels = [
            {"id": slug, "name": name, "description": described.get(name)}
            for slug, name in zip(self.ids, self.names, strict=True)
        ]
        self._task = words | {"labels": labels}

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
        """What stands before each text of a completion."""
        return str(self._macros.before(self._task))

    def after(self) -> str:
        """What stands after each text of a completion, before its label."""
        return str(self._macros.after(self._task))


def read_words(path: Path) -> dict[str, Any]:
    """data/prepared/D/prompt.json: text, label, instructions and descriptions.

    Raises UserError when the file holds anything else.
    """
    value = read_json(path)
    if not isinstance(value, dict) or set(value) != {
        "text",
        "label",
        "instructions",
        "descriptions",
    }:
        raise UserError(
            f"{path}: expected text, label, instructions and descriptions; run `dvc repro`"
        )
    return value


def slugs(names: Sequence[str]) -> tuple[str, ...]:
    """An id for each label, in order: its name in lower-case ASCII letters, digits and "_".

    No id is another one, nor another label's name, whatever its capitals, its white space and the marks around it. Nor
    does a plus before it count: in JSON the number +1 is 1. Only where the plain id is so taken is it another one,
    because ids are part of the requests that were paid for.
    """
    spelt = [bare(name).lstrip("+") for name in names]
    found: list[str] = []
    for number, name in enumerate(names):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or f"label_{number}"
        taken = {*found, *spelt[:number], *spelt[number + 1 :]}
        candidate, n = slug, 2
        while candidate in taken:
            candidate, n = f"{slug}_{n}", n + 1
        found.append(candidate)
    return tuple(found)


def one_line(text: str) -> str:
    """The text on one line, runs of white space as one blank."""
    return " ".join(text.split())


def escape_tags(text: str) -> str:
    """The text with "<" written as "&lt;" where it could be read as the tag around it, or as that tag's end.

    Full-width letters, accents, blanks and characters that nobody sees make no other tag of it.
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
