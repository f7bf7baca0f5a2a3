"""Texts to what a model reads: the one place that knows how each architecture wants it.

- XLNet takes padding on the left, and a segment of its own for <cls> (Yang et al. 2019, arXiv 1906.08237, section 2.5).
- T5 pools at its end token, so each row holds exactly one, whatever its text spells out.
- A text longer than the model takes is cut at one end or in its middle, or slid over in windows that overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from slingshot.settings import Truncation

BLOCK = 1000
"""Texts tokenised at a time: their ids stand as Python integers only that long, which take ten times the room."""


@dataclass(frozen=True)
class Frame:
    """The special tokens before and after a text; `segments` of those before, a token of the text, those after."""

    before: np.ndarray
    after: np.ndarray
    segments: tuple[list[int], int, list[int]] | None
    """None where the model takes no segments, or all are 0."""


class Inputs:
    """One tokenizer, and how texts are cut or slid over for it."""

    def __init__(
        self, tokenizer: Any, max_length: int, truncation: Truncation = "head", overlap: float = 0.0
    ) -> None:
        if "xlnet" in type(tokenizer).__name__.lower():
            tokenizer.padding_side = "left"
        if tokenizer.pad_token is None:  # as decoders have it
            tokenizer.pad_token = tokenizer.eos_token
        tokenizer.model_max_length = max_length
        self.tokenizer, self.max_length, self.truncation, self.overlap = (
            tokenizer,
            max_length,
            truncation,
            overlap,
        )
        self.frame = _frame(tokenizer)
        self._special = np.array(tokenizer.all_special_ids, dtype=np.int32)

    def windows(self, texts: Sequence[str]) -> list[list[np.ndarray]]:
        """Each text's rows of token ids, special tokens included: one row, or several where texts are slid over."""
        room = self.max_length - len(self.frame.before) - len(self.frame.after)
        rows = []
        for start in range(0, len(texts), BLOCK):
            block = list(texts[start : start + BLOCK])
            encoded = self.tokenizer(
                block, add_special_tokens=False, split_special_tokens=True, verbose=False
            )
            for ids in encoded["input_ids"]:
                parts = cut(
                    self._plain(np.array(ids, dtype=np.int32)), room, self.truncation, self.overlap
                )
                rows.append(
                    [np.concatenate([self.frame.before, part, self.frame.after]) for part in parts]
                )
        return rows

    def _plain(self, ids: np.ndarray) -> np.ndarray:
        """A special token that the text spells out is text, though the vocabulary has no other piece for it."""
        spelt = np.isin(ids, self._special)
        unknown = self.tokenizer.unk_token_id
        return ids[~spelt] if unknown is None else np.where(spelt, np.int32(unknown), ids)

    def collate(self, rows: Sequence[np.ndarray], device: str) -> dict[str, torch.Tensor]:
        """The rows padded to the longest, on the device, with their attention mask and segments."""
        held: dict[str, Any] = {"input_ids": [row.tolist() for row in rows]}
        if self.frame.segments is not None:
            before, own, after = self.frame.segments
            ends = len(before) + len(after)
            held["token_type_ids"] = [[*before, *[own] * (len(row) - ends), *after] for row in rows]
        padded = self.tokenizer.pad(held, return_tensors="pt")
        return {key: value.to(device) for key, value in padded.items()}


def cut(ids: np.ndarray, room: int, truncation: Truncation, overlap: float) -> list[np.ndarray]:
    """The parts of a text's tokens that are read, each at most `room` long.

    `windows` begin every room x (1 - overlap) tokens, the last where it still is full.
    """
    if len(ids) <= room:
        return [ids]
    if truncation == "head":
        return [ids[:room]]
    if truncation == "tail":
        return [ids[-room:]]
    if truncation == "head_tail":  # Sun et al. 2019, arXiv 1905.05583, section 5.3.1
        head = (room + 1) // 2
        return [np.concatenate([ids[:head], ids[len(ids) - room + head :]])]
    step = max(1, round(room * (1 - overlap)))
    last = len(ids) - room
    return [ids[start : start + room] for start in (*range(0, last, step), last)]


def _frame(tokenizer: Any) -> Frame:
    """What the tokenizer puts around a text, read off a text of one letter."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    framed = tokenizer("a", return_token_type_ids=True)
    ids, segments = list(framed["input_ids"]), list(framed["token_type_ids"])
    start = next(i for i in range(len(ids)) if ids[i : i + len(bare)] == bare)
    end = start + len(bare)
    kept = (segments[:start], segments[start], segments[end:]) if any(segments) else None
    return Frame(np.array(ids[:start], dtype=np.int32), np.array(ids[end:], dtype=np.int32), kept)
