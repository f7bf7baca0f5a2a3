"""A prompt as a local LLM's tokens: a text to go on with, or a conversation in the checkpoint's chat template.

Texts, labels and instructions are tokenised on their own, with special tokens spelt out in them left as text, and only
the template's own pieces with special tokens on: so no text can end its message. A form gives the tokens before a text
(the same for every text with the same examples), those of the text with what stands around it, and those of each label.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any, Literal

from jinja2 import TemplateError

from slingshot.llm.prompt import AFTER_SHOT, Prompt, escape_tags, one_line
from slingshot.settings import UserError

Tokens = tuple[int, ...]

GUARDS = ("\n", "a")
MARKS = "[\ue000-\uf8ff]"
"""What stands for the contents while a chat template is rendered: a character of the private use area for each."""
TEMPLATE_SETTINGS = {"enable_thinking": False, "date_string": "26 Jul 2024"}
"""What templates ask for: no room for thoughts before the label, and no date that changes from day to day."""
SAME_DATE = '{% macro strftime_now(format) %}26 Jul 2024{% endmacro %}{{ "" }}'
"""What stands before a template, some of which ask for today's date."""


def encode(tokenizer: Any, text: str, *, special: bool = False) -> Tokens:
    """The tokens of a piece inside a prompt; `special`: special tokens spelt out in it are special tokens."""
    # SentencePiece puts a blank before what it takes for the beginning of a text; one guard may melt into the piece.
    for guard in GUARDS:
        before, whole = (_ids(tokenizer, piece, special) for piece in (guard, guard + text))
        if whole[: len(before)] == before:
            return whole[len(before) :]
    return _ids(tokenizer, text, special)


def _ids(tokenizer: Any, text: str, special: bool = False) -> Tokens:
    return tuple(
        tokenizer(text, add_special_tokens=False, split_special_tokens=not special).input_ids
    )


class Completion:
    """Opening, examples and text one below the other; the label is what follows, after a blank."""

    def __init__(self, tokenizer: Any, prompt: Prompt, max_length: int) -> None:
        self.tokenizer, self.max_length = tokenizer, max_length
        self.labels = [encode(tokenizer, " " + name) for name in prompt.names]
        self.end = encode(tokenizer, AFTER_SHOT)
        """What follows a label."""
        start = tokenizer.bos_token_id
        self._opening = (() if start is None else (start,)) + _ids(tokenizer, prompt.opening())
        self._before, self._after = (
            encode(tokenizer, prompt.before()),
            encode(tokenizer, prompt.after()),
        )

    def query(self, text: str) -> Tokens:
        """A text, cut to `max_length` tokens, and what stands around it."""
        return (
            self._before
            + encode(self.tokenizer, " " + one_line(text))[: self.max_length]
            + self._after
        )

    def prefix(self, texts: Sequence[str], labels: Sequence[int]) -> Tokens:
        """All that stands before a query, with these texts and labels as examples."""
        tokens = self._opening
        for text, label in zip(texts, labels, strict=True):
            tokens += self.query(text) + self.labels[label] + self.end
        return tokens


class Conversation:
    """A system message, examples as turns of user and assistant, and the text as the user's last message."""

    def __init__(self, tokenizer: Any, prompt: Prompt, max_length: int) -> None:
        """Raises UserError where the chat template does not show every message, once."""
        self.tokenizer, self.max_length = tokenizer, max_length
        self.labels = [encode(tokenizer, name) for name in prompt.names]
        self._system = encode(tokenizer, prompt.system("name"))
        opened, closed = prompt.question(_mark(0)).split(_mark(0))
        self._opened, self._closed = encode(tokenizer, opened), encode(tokenizer, closed)
        self._pieces: dict[int, list[Tokens]] = {}
        self.end = self._template(1)[3]
        """What follows a label."""
        self._after = self._template(0)[-1]

    def query(self, text: str) -> Tokens:
        """A text, cut to `max_length` tokens, and what stands around it."""
        return self._question(text) + self._after

    def prefix(self, texts: Sequence[str], labels: Sequence[int]) -> Tokens:
        """All that stands before a query, with these texts and labels as examples."""
        *pieces, last, _ = self._template(len(texts))
        contents = [self._system]
        for text, label in zip(texts, labels, strict=True):
            contents += [self._question(text), self.labels[label]]
        tokens: Tokens = ()
        for piece, content in zip(pieces, contents, strict=True):
            tokens += piece + content
        return tokens + last

    def _question(self, text: str) -> Tokens:
        return (
            self._opened
            + encode(self.tokenizer, escape_tags(text))[: self.max_length]
            + self._closed
        )

    def _template(self, shots: int) -> list[Tokens]:
        """What the template writes before, between and after system message, `shots` examples and the question."""
        if shots not in self._pieces:
            contents = [_mark(n) for n in range(2 * shots + 2)]
            turns = list(zip(itertools.cycle(("user", "assistant")), contents[1:], strict=False))
            rendered = self._render([("system", contents[0]), *turns])
            if (
                re.findall(MARKS, rendered) != contents
            ):  # it has no system message: this heads the first question
                rendered = self._render([("user", f"{contents[0]}\n\n{contents[1]}"), *turns[1:]])
            if re.findall(MARKS, rendered) != contents:
                raise UserError(
                    "the LLM's chat template does not show every message once: write chat: false"
                )
            pieces = re.split(MARKS, rendered)
            self._pieces[shots] = [encode(self.tokenizer, piece, special=True) for piece in pieces]
        return self._pieces[shots]

    def _render(self, messages: Sequence[tuple[str, str]]) -> str:
        listed = [{"role": role, "content": content} for role, content in messages]
        template = SAME_DATE + self.tokenizer.get_chat_template()
        try:
            rendered = self.tokenizer.apply_chat_template(
                listed,
                chat_template=template,
                tokenize=False,
                add_generation_prompt=True,
                **TEMPLATE_SETTINGS,
            )
        except TemplateError:
            return ""
        return str(rendered)


def _mark(number: int) -> str:
    return chr(ord("\ue000") + number)


Form = Completion | Conversation


def form(tokenizer: Any, prompt: Prompt, chat: bool | Literal["auto"], max_length: int) -> Form:
    """A conversation where `chat` is true, or auto and the tokenizer has a chat template; else a completion.

    Raises UserError where a conversation is asked for and there is no template that shows it.
    """
    template = bool(tokenizer.chat_template)
    if chat is True and not template:
        raise UserError(
            "params.yaml: chat is true, but the LLM's tokenizer has no chat template; write chat: false"
        )
    return (
        Conversation(tokenizer, prompt, max_length)
        if chat and template
        else Completion(tokenizer, prompt, max_length)
    )
