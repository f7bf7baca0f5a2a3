"""Keys stay out of what a server sends back: it may repeat the one that it was sent, anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KEY = "[key]"
"""What stands in a key's place."""
SHORTEST = 8
"""Characters of a key. A shorter one, as a server on this machine takes in place of any, is no secret, and an answer
may hold it by chance."""


class Redactor:
    """Of one connection. It knows the keys that were really sent, whoever set them."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Note the keys in the headers of a request."""
        sent = (headers.get(name, "").rpartition(" ")[2] for name in ("authorization", "x-api-key"))
        self._keys |= {key for key in sent if len(key) >= SHORTEST}

    def __call__(self, value: Any) -> Any:
        """A text, or anything read from JSON, without them, in whatever capitals: a host's name has none."""
        if isinstance(value, str):
            for key in self._keys:
                value = re.sub(re.escape(key), KEY, value, flags=re.IGNORECASE)
            return value
        if isinstance(value, dict):
            return {self(key): self(part) for key, part in value.items()}
        return [self(part) for part in value] if isinstance(value, list) else value
