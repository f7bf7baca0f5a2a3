"""Keeps keys out of what a server sends back: it may repeat the key that it was sent, anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KEY = "[key]"
"""What replaces a key."""
SHORTEST = 8
"""Characters of a key. A server on this machine may take any shorter word as its key: that is no secret, and an answer
may hold it by chance."""


class Redactor:
    """Removes one connection's keys. It knows the keys that were really sent, whoever set them."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Note the keys in the headers of a request."""
        sent = (headers.get(name, "").rpartition(" ")[2] for name in ("authorization", "x-api-key"))
        self._keys |= {key for key in sent if len(key) >= SHORTEST}

    def text(self, text: str) -> str:
        """The text without the keys, in whatever capitals they stand: a host's name has none."""
        for key in self._keys:
            text = re.sub(re.escape(key), KEY, text, flags=re.IGNORECASE)
        return text

    def json(self, value: Any) -> Any:
        """Anything that was read from JSON, without the keys."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.json(part) for key, part in value.items()}
        return [self.json(part) for part in value] if isinstance(value, list) else value
