"""What defines a contestant's figures in params.yaml: the block of its data set, and its own.

Two revisions that define both in the same words may be compared, and stand in one learning curve. The blocks are
compared as they are written, so that those of an older Slingshot are read too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DESCRIBES = ("label_source", "licence", "published", "may_leave")
"""Keys of a data set that neither its rows nor a prompt depend on."""

Values = Mapping[str, Any]
"""The contents of a params.yaml, not validated."""


def defined_alike(a: Values, b: Values, dataset: str, contestant: str) -> bool:
    """Whether two params.yaml define the data set's rows and the contestant in the same words."""
    return definition(a, dataset, contestant) == definition(b, dataset, contestant)


def definition(values: Values, dataset: str, contestant: str) -> str:
    """What defines the two in params.yaml, as 12 digits of a hash."""
    words = json.dumps(_blocks(values, dataset, contestant), sort_keys=True, default=str)
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def _blocks(values: Values, dataset: str, contestant: str) -> list[Any]:
    """The blocks that define the two; of a cascade also those of its two sides."""
    rows = (values.get("datasets") or {}).get(dataset) or {}
    described = {key: value for key, value in rows.items() if key not in DESCRIBES}
    own = [(values.get(block) or {}).get(contestant) for block in ("models", "llms")]
    cascades = (values.get("study") or {}).get("cascades") or []
    cascade = next((block for block in cascades if block["name"] == contestant), None)
    if cascade is None:
        return [described, *own]
    sides = [_blocks(values, dataset, cascade[side]) for side in ("small", "large")]
    return [described, *own, cascade, *sides]
