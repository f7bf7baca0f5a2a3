"""Turns a prompt into a local LLM's tokens: a completion, or a conversation in the checkpoint's chat template.

Texts, labels and instructions are tokenised separately, and special tokens that they spell out stay text. Only the
template's own pieces may have special tokens. So no text can end its message. A form gives the tokens before a text
(the same for every text with the same examples), those of the text and the words around it, and those of each label.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Literal

from jinja2 import TemplateError

from slingshot.llm.local.model import Tokenizer
from slingshot.llm.prompt import AFTER_SHOT, Prompt, escape_tags, one_line
from slingshot.settings import UserError

Tokens = tuple[int, ...]

GUARDS = ("\n", "a")
"""Texts that are put before a piece, so that it is tokenised like the middle of a text."""
MARKS = "[\ue000-\uf8ff]"
"""Placeholders for the messages while a chat template is rendered: characters of the private use area."""
DATE = "26 Jul 2024"
"""The date that templates get, so that prompts do not change from day to day."""
SAME_DATE = f'{{% macro strftime_now(format) %}}{DATE}{{% endmacro %}}{{{{ "" }}}}'
"""A definition that is put before a template, because some templates ask for today's date themselves."""


def encode(tokenizer: Tokenizer, text: str, *, special: bool = False) -> Tokens:
    """The tokens of a piece inside a prompt. With `special`, it may spell out special tokens."""
    # SentencePiece adds a space at the beginning of a text. So the piece is tokenised after a guard, whose tokens are
    # then removed. Where guard and piece share a token that is not possible, and the next guard is tried.
    for guard in GUARDS:
        before, whole = (_ids(tokenizer, piece, special) for piece in (guard, guard + text))
        if whole[: len(before)] == before:
            return whole[len(before) :]
    return _ids(tokenizer, text, special)


def _ids(tokenizer: Tokenizer, text: str, special: bool = False) -> Tokens:
    encoded = tokenizer(text, add_special_tokens=False, split_special_tokens=not special)
    return tuple(encoded.input_ids)


class Completion:
    """Opening, examples and text, one below the other. The label follows after a space."""

    def __init__(self, tokenizer: Tokenizer, prompt: Prompt, max_length: int) -> None:
        self.tokenizer, self.max_length = tokenizer, max_length
        self.labels = [encode(tokenizer, " " + name) for name in prompt.names]
        self.end = encode(tokenizer, AFTER_SHOT)
        """The tokens after a label."""
        start = tokenizer.bos_token_id
        self._opening = (() if start is None else (start,)) + _ids(tokenizer, prompt.opening())
        self._before = encode(tokenizer, prompt.before())
        self._after = encode(tokenizer, prompt.after())

    def query(self, text: str) -> Tokens:
        """A text, cut to `max_length` tokens, with the words around it."""
        tokens = encode(self.tokenizer, " " + one_line(text))[: self.max_length]
        return self._before + tokens + self._after

    def prefix(self, texts: Sequence[str], labels: Sequence[int]) -> Tokens:
        """Everything before a query, with these texts and labels as examples."""
        tokens = self._opening
        for text, label in zip(texts, labels, strict=True):
            tokens += self.query(text) + self.labels[label] + self.end
        return tokens


class Conversation:
    """A system message, examples as messages of user and assistant, and the text as the user's last message."""

    def __init__(self, tokenizer: Tokenizer, prompt: Prompt, max_length: int) -> None:
        """Raises UserError where the chat template does not show every message once."""
        self.tokenizer, self.max_length = tokenizer, max_length
        self.labels = [encode(tokenizer, name) for name in prompt.names]
        self._system = encode(tokenizer, prompt.system("name"))
        opened, closed = prompt.question(_mark(0)).split(_mark(0))
        self._opened, self._closed = encode(tokenizer, opened), encode(tokenizer, closed)
        self._pieces: dict[int, list[Tokens]] = {}
        self.end = self._template(1)[3]
        """The tokens after a label."""
        self._after = self._template(0)[-1]

    def query(self, text: str) -> Tokens:
        """A text, cut to `max_length` tokens, with the words around it."""
        return self._question(text) + self._after

    def prefix(self, texts: Sequence[str], labels: Sequence[int]) -> Tokens:
        """Everything before a query, with these texts and labels as examples."""
        *pieces, last, _ = self._template(len(texts))
        contents = [self._system]
        for text, label in zip(texts, labels, strict=True):
            contents += [self._question(text), self.labels[label]]
        tokens: Tokens = ()
        for piece, content in zip(pieces, contents, strict=True):
            tokens += piece + content
        return tokens + last

    def _question(self, text: str) -> Tokens:
        tokens = encode(self.tokenizer, escape_tags(text))[: self.max_length]
        return self._opened + tokens + self._closed

    def _template(self, shots: int) -> list[Tokens]:
        """The template's own tokens before, between and after the messages of a prompt with `shots` examples."""
        if shots not in self._pieces:
            # Each message is one placeholder. So the rendered text can be split at the placeholders into the pieces
            # that are the template's own.
            contents = [_mark(n) for n in range(2 * shots + 2)]
            turns = list(zip(itertools.cycle(("user", "assistant")), contents[1:], strict=False))
            rendered = self._render([("system", contents[0]), *turns])
            if re.findall(MARKS, rendered) != contents:
                # The template has no system message, so the instructions come before the first question.
                rendered = self._render([("user", f"{contents[0]}\n\n{contents[1]}"), *turns[1:]])
            if re.findall(MARKS, rendered) != contents:
                raise UserError(
                    "the LLM's chat template does not show every message once: write chat: false"
                )
            pieces = re.split(MARKS, rendered)
            self._pieces[shots] = [encode(self.tokenizer, piece, special=True) for piece in pieces]
        return self._pieces[shots]

    def _render(self, messages: Sequence[tuple[str, str]]) -> str:
        """The conversation as text; empty where the template refuses these roles."""
        conversation = [{"role": role, "content": content} for role, content in messages]
        template = SAME_DATE + self.tokenizer.get_chat_template()
        try:
            rendered = self.tokenizer.apply_chat_template(
                conversation,
                chat_template=template,
                tokenize=False,
                add_generation_prompt=True,
                enable_thinking=False,
                date_string=DATE,
            )
        except TemplateError:
            return ""
        return str(rendered)


def _mark(number: int) -> str:
    return chr(ord("\ue000") + number)


Form = Completion | Conversation


def form(
    tokenizer: Tokenizer, prompt: Prompt, chat: bool | Literal["auto"], max_length: int
) -> Form:
    """A conversation where `chat` is true, or auto and the tokenizer has a chat template; else a completion.

    Raises UserError where `chat` is true and the tokenizer has no template, or where the template does not show every
    message once.
    """
    template = bool(tokenizer.chat_template)
    if chat is True and not template:
        raise UserError(
            "params.yaml: chat is true, but the LLM's tokenizer has no chat template; write chat: false"
        )
    kind = Conversation if chat and template else Completion
    return kind(tokenizer, prompt, max_length)
