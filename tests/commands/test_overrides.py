"""Study files as `dvc exp run` calls: sweeps, and mappings that become of another kind."""

from pathlib import Path
from typing import Any

import pytest

from slingshot import settings
from slingshot.commands import overrides

ROOT = Path(__file__).parents[2]
STUDY = Path("studies/some.yaml")


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The project's params.yaml, in a working directory of its own."""
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return settings.read_yaml(settings.PARAMS)


def applied(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """What DVC makes of params.yaml when it is given the study's overrides."""
    from dvc.utils.hydra import apply_overrides, to_hydra_overrides

    calls = list(overrides.flattened(values, changes))
    assert not any(override.is_sweep_override() for override in to_hydra_overrides(calls))
    apply_overrides("params.yaml", calls)
    return settings.read_yaml(settings.PARAMS)


def test_without_a_sweep_a_study_is_one_run(values) -> None:
    [run] = overrides.runs(values, {"fraction": 0.25}, STUDY)
    assert (run.point, run.changes, run.settings.fraction) == ({}, {"fraction": 0.25}, 0.25)


def test_a_sweep_is_the_product_of_its_keys_and_no_key_of_params(values) -> None:
    study = {"seeds": [3], "sweep": {"fraction": [1.0, 0.25], "models.minilm.epochs": [1, 2]}}
    runs = overrides.runs(values, study, STUDY)
    assert [tuple(run.point.values()) for run in runs] == [(1.0, 1), (1.0, 2), (0.25, 1), (0.25, 2)]
    assert list(overrides.flattened(values, runs[1].changes)) == [
        "seeds=[3]",
        "fraction=1.0",
        "models.minilm.epochs=2",
    ]
    assert runs[3].settings.fraction == 0.25
    assert runs[3].settings.seeds == [3]


@pytest.mark.parametrize(
    "changes",
    [
        {
            "datasets": {
                "tweets": {"source": {"kind": "file", "file": "a.csv", "text": "t", "label": "l"}}
            }
        },
        {"models": {"minilm": {"family": "tfidf", "c": [1.0]}, "tfidf": {"c": [2.0]}}},
        {"datasets": {"yelp5": {"labels": ["low", "high"]}}},
    ],
)
def test_a_mapping_of_another_kind_replaces_the_whole(values, changes) -> None:
    changes["datasets"] = {**changes.get("datasets", {}), "snippets": {"licence": "CC0"}}
    if "tweets" in changes["datasets"]:
        changes["datasets"]["tweets"]["labels"] = None
    [run] = overrides.runs(values, changes, STUDY)
    assert applied(values, run.changes) == run.values
    for name in changes.get("models", {}):
        assert "checkpoint" not in run.values["models"][name]


def test_a_null_among_the_old_keys_is_taken_away_too(values) -> None:
    source = {"kind": "file", "file": "a.csv", "text": "t", "label": "l", "group": None}
    values["datasets"]["mine"] = {"source": source, "label_source": "human", "licence": "MIT"}
    from ruamel.yaml import YAML

    with Path("params.yaml").open("w") as file:
        YAML(typ="safe").dump(values, file)
    lines = {"kind": "lines", "text_file": "a.txt", "label_file": "b.txt"}
    [run] = overrides.runs(values, {"datasets": {"mine": {"source": lines}}}, STUDY)
    assert applied(values, run.changes)["datasets"]["mine"]["source"] == lines


def test_a_mapping_of_the_same_kind_merges(values) -> None:
    changes = {"models": {"minilm": {"family": "transformer", "epochs": 2}}}
    assert list(overrides.flattened(values, changes)) == [
        "models.minilm.family=transformer",
        "models.minilm.epochs=2",
    ]
