"""The blocks of params.yaml that define a contestant's figures: the data set's block and the contestant's own.

Two revisions with equal blocks may be compared, and belong to one learning curve. The blocks are compared as they are
written, without validation, so that blocks of an older Slingshot can be read too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DESCRIBES = ("label_source", "licence", "published", "may_leave")
"""Keys of a data set that change neither its rows nor a prompt."""

Values = Mapping[str, Any]
"""The contents of a params.yaml, not validated."""


def defined_alike(a: Values, b: Values, dataset: str, contestant: str) -> bool:
    """Whether two params.yaml define the data set's rows and the contestant by equal blocks."""
    return definition(a, dataset, contestant) == definition(b, dataset, contestant)


def definition(values: Values, dataset: str, contestant: str) -> str:
    """A hash of the blocks that define data set and contestant, 12 hexadecimal digits."""
    text = json.dumps(_blocks(values, dataset, contestant), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _blocks(values: Values, dataset: str, contestant: str) -> list[Any]:
    """The blocks that define data set and contestant; for a cascade, also the blocks of both its sides."""
    rows = (values.get("datasets") or {}).get(dataset) or {}
    described = {key: value for key, value in rows.items() if key not in DESCRIBES}
    own = [(values.get(block) or {}).get(contestant) for block in ("models", "llms")]
    cascades = (values.get("study") or {}).get("cascades") or []
    cascade = next((block for block in cascades if block["name"] == contestant), None)
    if cascade is None:
        return [described, *own]
    sides = [_blocks(values, dataset, cascade[side]) for side in ("small", "large")]
    return [described, *own, cascade, *sides]
