"""Turns texts into the inputs of a model. Only this module knows what each architecture needs.

- XLNet needs padding on the left, and a separate segment for <cls> (Yang et al. 2019, arXiv 1906.08237, section 2.5).
- T5 pools at its end token, so each row has exactly one, even if its text spells out another.
- A text that is too long for the model is cut at one end or in the middle, or read in windows that overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from slingshot.settings import Truncation

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BLOCK = 1000
"""Texts that are tokenised at a time. Their ids are Python integers at first, which need ten times the memory."""


@dataclass(frozen=True)
class SpecialTokens:
    """The token ids that a tokenizer puts before and after a text."""

    before: np.ndarray
    after: np.ndarray
    segments: tuple[list[int], int, list[int]] | None
    """The segments of the tokens before, of each token of the text, and of the tokens after; None where all are 0."""


class Inputs:
    """A tokenizer, and the way in which long texts are cut or read in windows."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        truncation: Truncation = "head",
        overlap: float = 0.0,
    ) -> None:
        if "xlnet" in type(tokenizer).__name__.lower():
            tokenizer.padding_side = "left"
        if tokenizer.pad_token is None:  # as in many decoders
            tokenizer.pad_token = tokenizer.eos_token
        tokenizer.model_max_length = max_length
        self.tokenizer, self.max_length = tokenizer, max_length
        self.truncation, self.overlap = truncation, overlap
        self.special = _special_tokens(tokenizer)
        self._special_ids = np.array(tokenizer.all_special_ids, dtype=np.int32)

    def windows(self, texts: Sequence[str]) -> list[list[np.ndarray]]:
        """Each text's rows of token ids with special tokens: one row, or one row for each window."""
        before, after = self.special.before, self.special.after
        room = self.max_length - len(before) - len(after)
        rows = []
        for start in range(0, len(texts), BLOCK):
            block = list(texts[start : start + BLOCK])
            encoded = self.tokenizer(
                block, add_special_tokens=False, split_special_tokens=True, verbose=False
            )
            for ids in encoded["input_ids"]:
                plain = self._plain(np.array(ids, dtype=np.int32))
                parts = cut(plain, room, self.truncation, self.overlap)
                rows.append([np.concatenate([before, part, after]) for part in parts])
        return rows

    def _plain(self, ids: np.ndarray) -> np.ndarray:
        """The ids without special tokens, which a text may spell out.

        They become the unknown token, or are left out where the tokenizer has no unknown token.
        """
        spelt = np.isin(ids, self._special_ids)
        unknown = self.tokenizer.unk_token_id
        return ids[~spelt] if unknown is None else np.where(spelt, np.int32(unknown), ids)

    def collate(self, rows: Sequence[np.ndarray], device: str) -> dict[str, torch.Tensor]:
        """The rows, padded to the longest, with their attention mask and segments, on the device."""
        fields: dict[str, list[list[int]]] = {"input_ids": [row.tolist() for row in rows]}
        if self.special.segments is not None:
            before, own, after = self.special.segments
            text_lengths = [len(row) - len(before) - len(after) for row in rows]
            fields["token_type_ids"] = [before + [own] * size + after for size in text_lengths]
        padded = self.tokenizer.pad(fields, return_tensors="pt")
        return {key: value.to(device) for key, value in padded.items()}


def cut(ids: np.ndarray, room: int, truncation: Truncation, overlap: float) -> list[np.ndarray]:
    """The parts of a text's tokens that are read, each of at most `room` tokens.

    With `windows` a part begins every room x (1 - overlap) tokens, and the last part ends with the text.
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


def _special_tokens(tokenizer: PreTrainedTokenizerBase) -> SpecialTokens:
    """The tokens that the tokenizer puts around a text, found with a text of one letter."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    framed = tokenizer("a", return_token_type_ids=True)
    ids, segments = list(framed["input_ids"]), list(framed["token_type_ids"])
    start = next(i for i in range(len(ids)) if ids[i : i + len(bare)] == bare)
    end = start + len(bare)
    before, after = (np.array(part, dtype=np.int32) for part in (ids[:start], ids[end:]))
    if not any(segments):
        return SpecialTokens(before, after, None)
    return SpecialTokens(before, after, (segments[:start], segments[start], segments[end:]))
