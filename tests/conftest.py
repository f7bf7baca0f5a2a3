"""Tiny data and tiny checkpoints, made here, so that the suite runs offline in minutes.

`project` is a folder with params.yaml, a state folder of its own and a small separable data set,
in which a test runs stages as people do. `encoder` and `causal_lm` are checkpoints of a few
thousand random weights with real tokenizers. `hub_server` is a Hugging Face hub on 127.0.0.1.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings as hypothesis_settings
from ruamel.yaml import YAML

from tests import warm_python
from tests.hub_server import Hub
from tests.tiny_checkpoints import ARCHITECTURES, SPREAD, gemma, wordpieces

os.environ.setdefault("OMP_NUM_THREADS", "1")  # three test processes share two cores
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# The same examples each time, and a slow machine fails no test; --hypothesis-profile=default looks for new ones.
hypothesis_settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis_settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("bad", "fine", "good")
WORDS = {0: "awful broken dreadful", 1: "plain usual average", 2: "lovely superb great"}
FILLER = (
    "the",
    "phone",
    "came",
    "with",
    "a",
    "cable",
    "and",
    "it",
    "was",
    "in",
    "my",
    "box",
    "again",
)


LONG = ("test_graph.py", "test_asked_graph.py", "test_resume.py", "test_experiments.py")
"""Files that take longest. Each is run by one process, so they start first and the others fill the rest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def make_rows(count: int, seed: int = 0, prefix: str = "row", classes: int = 3) -> pd.DataFrame:
    """Rows whose label shows in one of their words; nested order is their place."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    texts = []
    for label in labels:
        words = list(rng.choice(FILLER, size=rng.integers(3, 12)))
        words.insert(int(rng.integers(len(words))), str(rng.choice(WORDS[int(label)].split())))
        texts.append(" ".join(words))
    ids = [f"{prefix}{number}" for number in range(count)]
    return pd.DataFrame(
        {"id": ids, "text": texts, "label": labels, "group": ids, "order": np.arange(count)}
    )


def write_params(folder: Path, changes: dict[str, Any], replaced: Collection[str] = ()) -> None:
    """The repository's params.yaml with top-level blocks replaced or, for mappings not in `replaced`, updated."""
    yaml = YAML(typ="safe")
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for key, change in changes.items():
        updated = isinstance(change, dict) and key not in replaced
        values[key] = {**values[key], **change} if updated else change
    _write_yaml(folder / "params.yaml", values)


def set_param(folder: Path, key: str, value: Any) -> None:
    """Change one dotted key of the folder's params.yaml."""
    set_params(folder, {key: value})


def set_params(folder: Path, changes: dict[str, Any]) -> None:
    """Change dotted keys of the folder's params.yaml."""
    path = folder / "params.yaml"
    values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *parents, last = key.split(".")
        inner = values
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
    _write_yaml(path, values)


def _write_yaml(path: Path, values: dict[str, Any]) -> None:
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(values, file)


def write_toy(folder: Path, split: str, rows: pd.DataFrame) -> None:
    """One split of `toy`, and for train the subsample that holds it all."""
    from slingshot.files.rows import write_rows

    write_rows(folder / f"data/prepared/toy/{split}.parquet", rows)
    if split == "train":
        kept = {"fraction": 1.0, "train_rows": len(rows)}
        write_rows(folder / "data/subsampled/toy/train.parquet", rows, **kept)


@pytest.fixture(scope="session", autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, and nothing that one starts, writes into the data folder of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("own-data")))
        yield


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a `python3` that starts stages at once."""
    with warm_python.running(tmp_path_factory.mktemp("warm")) as folder:
        yield folder


@pytest.fixture(scope="session")
def corpus() -> list[str]:
    return [
        *make_rows(300)["text"],
        "Text: Opinion: Label: of each one of negative, neutral, very N/A",
    ]


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    """A BERT of two layers with a WordPiece tokenizer."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = BertTokenizerFast(vocab=wordpieces(corpus))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=SPREAD,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> dict[str, Path]:
    """The published study's three architectures, each a checkpoint of two layers."""
    folder = tmp_path_factory.mktemp("tiny")
    return {name: make(folder / name, corpus) for name, make in ARCHITECTURES.items()}


@pytest.fixture(scope="session")
def causal_lm(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    """A Gemma 3 of six layers whose sliding window is shorter than any few-shot prefix."""
    return gemma(tmp_path_factory.mktemp("causal_lm"), corpus)


@pytest.fixture
def hub_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on 127.0.0.1 that this process and those it starts ask, with a cache of their own."""
    from huggingface_hub import constants
    from huggingface_hub.utils import close_session

    hub = Hub()
    home = tmp_path / "hf"
    for name, value in (
        ("HF_ENDPOINT", hub.url),
        ("HF_HOME", str(home)),
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
    ):
        monkeypatch.setenv(name, value)
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    # What this process has read from its environment already.
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    close_session()
    yield hub
    if not hub.ended.is_set():
        hub.stop()
    close_session()


@pytest.fixture(scope="session")
def toy_files(tmp_path_factory: pytest.TempPathFactory, encoder: Path, causal_lm: Path) -> Path:
    """The files of `project`, made once."""
    from slingshot.files.labels import Labels
    from slingshot.files.rows import write_rows
    from slingshot.files.storage.json_files import write_json

    root = tmp_path_factory.mktemp("toy")
    source = {"kind": "file", "file": "toy.csv", "text": "text", "label": "label"}
    llm = {
        "provider": "causal_lm",
        "title": "A tiny LM",
        "checkpoint": str(causal_lm),
        "shots": [1, 2],
    }
    write_params(
        root,
        {
            "study": {
                "datasets": ["toy"],
                "models": ["tfidf", "frozen", "tiny"],
                "llms": ["lm"],
                "cascades": [],
            },
            "datasets": {"toy": {"source": source, "label_source": "human", "licence": "MIT"}},
            "models": {
                "tfidf": {"family": "tfidf", "c": [1.0, 10.0], "char_ngrams": [0, 3]},
                "frozen": {
                    "family": "frozen",
                    "checkpoint": str(encoder),
                    "max_length": 32,
                    "c": [1.0, 100.0],
                },
                "tiny": {
                    "family": "transformer",
                    "checkpoint": str(encoder),
                    "max_length": 32,
                    "epochs": 8,
                    "learning_rate": 0.006,
                    "batch_size": 16,
                },
            },
            "llms": {"lm": {**llm, "choose_rows": 12, "max_validation": 24}},
            "run": {"threads": 1},
        },
        # Each test reads the file several times; the study's own entries would be most of it.
        replaced=("datasets", "models", "llms"),
    )
    train = make_rows(150, 1, "t")
    write_toy(root, "train", train)
    write_toy(root, "validation", make_rows(45, 2, "v"))
    write_toy(root, "test", make_rows(60, 3, "e"))
    prepared = root / "data/prepared/toy"
    Labels(NAMES, (50, 50, 50)).write(prepared / "labels.json")
    words = {"text": "Text", "label": "Opinion", "instructions": None, "descriptions": {}}
    write_json(prepared / "prompt.json", words)
    write_rows(root / "data/shots/toy.parquet", train.iloc[:30])
    return root


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy_files: Path) -> Path:
    """A folder with the data set `toy` prepared, subsampled and pooled, and tiny contestants."""
    shutil.copytree(toy_files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLINGSHOT_STATE", str(tmp_path / "state"))
    return tmp_path
