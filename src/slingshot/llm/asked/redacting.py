"""Removes keys from replies, because a server may repeat the key that it received anywhere in a reply."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KEY = "[key]"
"""The replacement for a key."""
SHORTEST = 8
"""The least characters of a key. A server on this machine may use a shorter word as its key. That is not a secret, and
an answer may contain it by chance."""


class Redactor:
    """Removes one connection's keys. It learns the keys from what is really sent, whoever set them."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Note the keys in the headers of a request."""
        values = [headers.get(name, "") for name in ("authorization", "x-api-key")]
        keys = [value.rpartition(" ")[2] for value in values]
        self._keys |= {key for key in keys if len(key) >= SHORTEST}

    def text(self, text: str) -> str:
        """The text without the keys, in upper or lower case: a key in a host's name loses its capitals."""
        for key in self._keys:
            text = re.sub(re.escape(key), KEY, text, flags=re.IGNORECASE)
        return text

    def json(self, value: object) -> Any:
        """A value of JSON without the keys."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.json(part) for key, part in value.items()}
        return [self.json(part) for part in value] if isinstance(value, list) else value
