"""Acceptance figures on the real files, where SLINGSHOT_REAL_DATA names their folder."""

from pathlib import Path

import pandas as pd
import pytest
from data_toys import settings

from slingshot import settings as params
from slingshot.data.prepare import PreparedDataset, prepare
from slingshot.files.audit import Audit

BANKING = {"kind": "file", "file": "banking77_train.csv", "text": "text", "label": "category"}
MTSAMPLES = {
    "kind": "file",
    "file": "mtsamples.csv.gz",
    "text": "transcription",
    "label": "medical_specialty",
}
TWEETEVAL = {
    "kind": "lines",
    "text_file": "tweeteval_sentiment_val_text.txt",
    "label_file": "tweeteval_sentiment_val_labels.txt",
    "test_text_file": "tweeteval_sentiment_test_text.txt",
    "test_label_file": "tweeteval_sentiment_test_labels.txt",
}


def check(prepared: PreparedDataset) -> Audit:
    """What holds of every data set."""
    groups = [set(part["group"]) for part in prepared.rows.values()]
    assert sum(map(len, groups)) == len(set.union(*groups))
    ids = pd.concat(list(prepared.rows.values()))["id"]
    assert ids.is_unique
    audit = prepared.audit
    assert audit.rows.source == audit.rows.used + sum(audit.excluded.values())
    return audit


def classes(audit: Audit) -> list[int]:
    return [rows.train + rows.validation + rows.test for rows in audit.classes.values()]


def every_class_is_in_every_split(audit: Audit) -> bool:
    return all(min(rows.train, rows.validation, rows.test) > 0 for rows in audit.classes.values())


def test_medical40(real: Path) -> None:
    audit = check(prepare("medical40", settings(MTSAMPLES, split={"near": None}), 0, real))
    assert audit.rows.used == 4966
    assert audit.excluded == {"empty_text": 33}
    assert len(audit.classes) == 40
    assert every_class_is_in_every_split(audit)
    assert audit.duplicates.distinct_texts == 2357
    assert audit.duplicates.conflicting_texts == 2148
    assert round(audit.ceiling.all.within, 3) == 0.475
    assert audit.groups.count == 2357


def test_medical40_random(real: Path) -> None:
    split = {"by": "row", "drop_shared": False, "validation": 0.1, "test": 0.1}
    prepared = prepare("medical40_random", settings(MTSAMPLES, split=split), 0, real)
    audit = prepared.audit
    assert audit.rows.used == 4966
    assert all(0.09 < len(prepared.rows[side]) / 4966 < 0.11 for side in ("validation", "test"))
    shared, rows, ceiling = audit.shared_texts, audit.rows, audit.ceiling.test
    assert shared is not None
    assert shared.test_rows / rows.test > 0.8
    assert shared.same_label / rows.test < 0.01
    assert ceiling.within > 0.9 and round(ceiling.whole, 2) == 0.48


def test_banking77(real: Path) -> None:
    audit = check(
        prepare("banking77", settings(BANKING | {"test_file": "banking77_test.csv"}), 0, real)
    )
    assert audit.rows.source == 13083
    assert audit.rows.test == 3080
    assert len(audit.classes) == 77
    assert audit.shared_texts is not None
    assert audit.shared_texts.test_rows == 7
    assert audit.excluded == {"shared_with_test": audit.shared_texts.train_rows}


def test_tweeteval(real: Path) -> None:
    labels = dict(
        line.split("\t")
        for line in (real / "tweeteval_sentiment_mapping.txt").read_text().splitlines()
    )
    audit = check(prepare("tweeteval", settings(TWEETEVAL, labels=labels), 0, real))
    assert audit.rows.source == 14284
    assert audit.rows.test == 12284
    assert {name: rows.test for name, rows in audit.classes.items()} == {
        "negative": 3972,
        "neutral": 5937,
        "positive": 2375,
    }


@pytest.mark.parametrize(
    ("name", "counts"), [("tweets", [1062, 793, 2345]), ("snippets", [543, 675, 740, 568, 1182])]
)
def test_the_default_data_sets(real: Path, name: str, counts: list[int]) -> None:
    """Needs the archive in the state folder, or a network."""
    dataset = params.load(Path(__file__).resolve().parents[2] / "params.yaml").dataset(name)
    audit = check(prepare(name, dataset, 0, Path("data/raw") / name))
    assert classes(audit) == counts
    assert audit.groups.count < (300 if name == "snippets" else 4200)
    assert every_class_is_in_every_split(audit)
