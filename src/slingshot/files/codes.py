"""Numbers and words that stand for something in several files."""

from __future__ import annotations

SPLITS = ("train", "validation", "test")


PREDICTED = ("validation", "test")
"""The splits that every contestant predicts."""


SCORE_SOURCES = ("softmax", "logprob", "vote", "verbalised", "none")


STATUSES = ("ok", "refused", "truncated", "empty", "off_list", "invalid", "error")
"""Of an answer: valid; the LLM refused; it was cut by its limit of tokens; it held no text; a label that is none of the
list; no label at all; and no answer at all, whatever was tried."""


NO_SEED = -1
"""The seed of a contestant that has none: an LLM or a deterministic baseline, run once."""


FAILED = -1
"""The prediction of a row without a valid answer; never a class."""


FAILED_NAME = "(no valid answer)"
"""What tables and pictures of classes call it."""
