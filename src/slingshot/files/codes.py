"""Numbers and words that have the same meaning in several files."""

from __future__ import annotations

SPLITS = ("train", "validation", "test")

PREDICTED = ("validation", "test")
"""The splits that every contestant predicts."""

SCORE_SOURCES = ("softmax", "logprob", "vote", "verbalised", "none")
"""Where the scores of a prediction come from."""

STATUSES = ("ok", "refused", "truncated", "empty", "off_list", "invalid", "error")
"""The status of an answer: it is valid; the LLM refused; the limit of tokens cut it; it has no text; it is a label that
is not in the list; it is not a label; or no attempt gave an answer."""

NO_SEED = -1
"""The seed of a contestant that runs once without one: an LLM or a deterministic baseline."""

FAILED = -1
"""The prediction for a row without a valid answer. No class has this number."""

FAILED_NAME = "(no valid answer)"
"""The name of FAILED in tables and pictures."""
