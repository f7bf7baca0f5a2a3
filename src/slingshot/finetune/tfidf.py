"""The baseline that every model must beat: logistic regression on TF-IDF features of word and character n-grams.

Validation chooses the n-gram ranges and C from a grid. The model is stored as safetensors (idf, coefficients) and JSON
(vocabulary, n-gram ranges), never pickled.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import scipy.sparse as sp

from slingshot.files.storage.json_files import read_json, write_json
from slingshot.finetune.families import Classifier, FitResult, TrainingTask
from slingshot.finetune.linear import LinearClassifier, grid
from slingshot.machine.progress import bar
from slingshot.settings import TfidfSettings


class Vectorizer(Protocol):
    """scikit-learn's TfidfVectorizer, which has no types of its own."""

    analyzer: str
    ngram_range: tuple[int, int]
    vocabulary_: dict[str, int]
    idf_: np.ndarray

    def fit(self, texts: Sequence[str], /) -> object: ...

    def transform(self, texts: Sequence[str], /) -> sp.csr_matrix: ...


class Tfidf:
    """Fitted vectorizers, one for words and maybe one for characters, and a linear classifier."""

    def __init__(self, vectorizers: list[Vectorizer], linear: LinearClassifier) -> None:
        self.vectorizers, self.linear = vectorizers, linear

    @classmethod
    def fit(
        cls, settings: TfidfSettings, task: TrainingTask, seed: int, scratch: Path
    ) -> tuple[Self, FitResult]:
        """Try every combination. The best primary metric on validation wins; the first combination wins a tie."""
        started = time.perf_counter()
        texts, checks = task.train["text"].tolist(), task.validation["text"].tolist()
        labels, truth = task.train["label"].to_numpy(), task.validation["label"].to_numpy()
        pairs = list(itertools.product(settings.word_ngrams, settings.char_ngrams))
        tried: list[dict[str, float]] = []
        best: Self | None = None
        with bar(len(pairs) * len(settings.c), task.name, "fit") as progress:
            for word, char in pairs:
                vectorizers = [_vectorizer("word", 1, word, settings.max_features)]
                if char:
                    vectorizers.append(_vectorizer("char_wb", 2, char, settings.max_features))
                for vectorizer in vectorizers:
                    vectorizer.fit(texts)
                train, validation = (_features(vectorizers, part) for part in (texts, checks))
                fits = grid(
                    train, labels, validation, truth, len(task.names), settings.c, task.primary
                )
                for c, score, linear in fits:
                    if all(score > other["score"] for other in tried):
                        best = cls(vectorizers, linear)
                    tried.append({"word_ngrams": word, "char_ngrams": char, "c": c, "score": score})
                    progress.update()
        assert best is not None
        chosen = max(tried, key=lambda entry: entry["score"])
        seconds = time.perf_counter() - started
        tokens = sum(best.count_tokens(texts)) * len(tried)
        return best, FitResult(seconds, tokens, {"chosen": chosen, "tried": tried})

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities, shape (texts, classes)."""
        return self.linear.predict(_features(self.vectorizers, texts))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """White-space separated words of each text."""
        return [len(text.split()) for text in texts]

    def save(self, folder: Path) -> None:
        """Write model.safetensors and vectorizers.json."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"coefficients": self.linear.coefficients, "intercepts": self.linear.intercepts}
        entries = []
        for number, vectorizer in enumerate(self.vectorizers):
            tensors[f"idf{number}"] = vectorizer.idf_
            low, high = vectorizer.ngram_range
            words = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
            entries.append(
                {"analyzer": vectorizer.analyzer, "low": low, "high": high, "vocabulary": words}
            )
        contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        save_file(contiguous, folder / "model.safetensors")
        write_json(folder / "vectorizers.json", entries)

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Load what `save` wrote."""
        from safetensors.numpy import load_file

        tensors = load_file(folder / "model.safetensors")
        vectorizers = []
        for number, entry in enumerate(read_json(folder / "vectorizers.json")):
            vectorizer = _vectorizer(
                entry["analyzer"], entry["low"], entry["high"], None, entry["vocabulary"]
            )
            vectorizer.idf_ = tensors[f"idf{number}"]
            vectorizers.append(vectorizer)
        return cls(vectorizers, LinearClassifier(tensors["coefficients"], tensors["intercepts"]))


def _vectorizer(
    analyzer: str, low: int, high: int, limit: int | None, vocabulary: list[str] | None = None
) -> Vectorizer:
    from sklearn.feature_extraction.text import TfidfVectorizer

    # One-letter words and "!" may express sentiment. So a token is any run of letters and digits, or any other mark.
    words = {"token_pattern": r"\w+|[^\w\s]"} if analyzer == "word" else {}
    vectorizer: Vectorizer = TfidfVectorizer(
        analyzer=analyzer,
        ngram_range=(low, high),
        sublinear_tf=True,
        max_features=limit,
        vocabulary=vocabulary,
        **words,
    )
    return vectorizer


def _features(vectorizers: list[Vectorizer], texts: Sequence[str]) -> sp.csr_matrix:
    parts = [vectorizer.transform(texts) for vectorizer in vectorizers]
    features: sp.csr_matrix = sp.hstack(parts, format="csr")
    return features


CLASSIFIER: type[Classifier[TfidfSettings]] = Tfidf
