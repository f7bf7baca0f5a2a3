"""Where every file of a study lies, relative to the repository: under data/, metrics/ and report/.

D is a data set, C a contestant (M a model, L an LLM), as params.yaml names them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

DATA, METRICS, REPORT = Path("data"), Path("metrics"), Path("report")
PlotKind = Literal["confusion", "reliability", "scaled", "risk"]


def raw(dataset: str) -> Path:
    """data/raw/D, the folder of the user's own files and of SOURCE.md."""
    return DATA / "raw" / dataset


def prepared(dataset: str) -> Path:
    """data/prepared/D, the folder that `prepare` writes."""
    return DATA / "prepared" / dataset


def split(dataset: str, name: str) -> Path:
    """data/prepared/D/{train,validation,test}.parquet."""
    return prepared(dataset) / f"{name}.parquet"


def labels(dataset: str) -> Path:
    """data/prepared/D/labels.json."""
    return prepared(dataset) / "labels.json"


def prompt(dataset: str) -> Path:
    """data/prepared/D/prompt.json."""
    return prepared(dataset) / "prompt.json"


def subsampled(dataset: str) -> Path:
    """data/subsampled/D/train.parquet."""
    return DATA / "subsampled" / dataset / "train.parquet"


def shots(dataset: str) -> Path:
    """data/shots/D.parquet."""
    return DATA / "shots" / f"{dataset}.parquet"


def predictions(dataset: str, contestant: str) -> Path:
    """data/predictions/D/C.parquet."""
    return DATA / "predictions" / dataset / f"{contestant}.parquet"


def usage(dataset: str, contestant: str) -> Path:
    """data/usage/D/C.json."""
    return DATA / "usage" / dataset / f"{contestant}.json"


def answers(dataset: str, llm: str) -> Path:
    """data/answers/D/L.parquet."""
    return DATA / "answers" / dataset / f"{llm}.parquet"


def model(dataset: str, name: str) -> Path:
    """data/models/D/M, the folder of a trained model."""
    return DATA / "models" / dataset / name


def training_curves(dataset: str, name: str) -> Path:
    """data/curves/D/M, the folder of what training measured step by step."""
    return DATA / "curves" / dataset / name


def plots(dataset: str, kind: PlotKind) -> Path:
    """data/plots/D/KIND, the folder with a CSV file for each contestant."""
    return DATA / "plots" / dataset / kind


def plot(dataset: str, kind: PlotKind, contestant: str) -> Path:
    """data/plots/D/KIND/C.csv."""
    return plots(dataset, kind) / f"{contestant}.csv"


def errors(dataset: str) -> Path:
    """data/errors/D.json."""
    return DATA / "errors" / f"{dataset}.json"


def audit(dataset: str) -> Path:
    """metrics/audit/D.json."""
    return METRICS / "audit" / f"{dataset}.json"


def scores_folder(dataset: str) -> Path:
    """metrics/scores/D, the folder with a file for each contestant."""
    return METRICS / "scores" / dataset


def scores(dataset: str, contestant: str) -> Path:
    """metrics/scores/D/C.json."""
    return scores_folder(dataset) / f"{contestant}.json"


def intervals_folder(dataset: str) -> Path:
    """metrics/intervals/D, the folder with a file for each contestant."""
    return METRICS / "intervals" / dataset


def intervals(dataset: str, contestant: str) -> Path:
    """metrics/intervals/D/C.json."""
    return intervals_folder(dataset) / f"{contestant}.json"


def pairs(dataset: str) -> Path:
    """metrics/pairs/D.json."""
    return METRICS / "pairs" / f"{dataset}.json"


def cost_folder(dataset: str) -> Path:
    """metrics/cost/D, the folder with a file for each contestant."""
    return METRICS / "cost" / dataset


def cost(dataset: str, contestant: str) -> Path:
    """metrics/cost/D/C.json."""
    return cost_folder(dataset) / f"{contestant}.json"


def cascade(dataset: str, name: str) -> Path:
    """metrics/cascade/D/NAME.json."""
    return METRICS / "cascade" / dataset / f"{name}.json"


def curve(dataset: str) -> Path:
    """metrics/curve/D.csv, the points of the learning curve."""
    return METRICS / "curve" / f"{dataset}.csv"
