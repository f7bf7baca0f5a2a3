import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from slingshot.files.usage import TimedRun, Usage
from slingshot.money.figures import figures
from slingshot.settings import UserError, load
from tests.conftest import set_params

ROOT = Path(__file__).parents[2]
COST = load(ROOT / "params.yaml").cost.model_copy(
    update={"hourly_price": 3.6, "utilisation": 0.5, "label_price": 0.1}
)
SECOND = 0.002
"""EUR 3.6 an hour at half utilisation."""
MODEL = Usage(
    kind="model",
    title="minilm",
    hardware={},
    train_rows=500,
    validation_rows=100,
    model_bytes=2**20 * 90,
    train=(TimedRun(0, 10_000, 500, 40.0), TimedRun(1, 10_000, 500, 60.0)),
    predict=(TimedRun(0, 4_000, 200, 1.0), TimedRun(1, 4_000, 200, 3.0)),
    latency={"p50": 0.01, "p95": 0.02, "texts": 100},
    peak_memory_bytes=2**29,
)
LLM = replace(
    MODEL,
    kind="llm",
    train=(),
    train_rows=24,
    validation_rows=80,
    requests=400,
    llm_tokens={"input": 300_000, "output": 1_000, "cache_write": 0, "cache_read": 99_000},
)


def test_a_model_costs_its_seconds_as_a_mean_over_seeds() -> None:
    found = figures(MODEL, COST)
    assert found.train_seconds == 50
    assert found.train_cost == pytest.approx(50 * SECOND)
    assert found.predict_seconds == 2
    assert found.tokens_per_second == 2_000
    assert found.texts_per_second == 100
    assert found.cost_per_1000_texts == pytest.approx(10 * SECOND)
    assert found.cost_per_million_tokens == pytest.approx(500 * SECOND)
    assert (found.labels, found.train_rows) == (600, 500), (
        "labels of validation rows are paid for too"
    )
    assert found.labelling_cost == pytest.approx(60)
    assert (found.peak_memory_gib, found.model_mib) == (0.5, 90)


def test_a_local_llm_costs_its_seconds_and_has_no_training() -> None:
    found = figures(LLM, COST)
    assert found.train_seconds is found.train_cost is None
    assert found.cost_per_1000_texts == pytest.approx(10 * SECOND)


def test_a_priced_llm_costs_its_tokens_whatever_its_seconds() -> None:
    price = COST.llm_prices["claude_3_opus"]
    paid = (300_000 * 15 + 1_000 * 75 + 99_000 * 1.5) / 1e6 * COST.rates["USD"].rate
    found = figures(LLM, COST, price)
    assert found.cost_per_1000_texts == pytest.approx(paid / 400 * 1000)
    tokens = sum(run.tokens for run in LLM.predict)
    assert found.cost_per_million_tokens == pytest.approx(paid / tokens * 1e6)
    listed = (399_000 * 15 + 1_000 * 75) / 1e6 * COST.rates["USD"].rate
    assert found.list_cost_per_1000_texts == pytest.approx(listed / 400 * 1000), "without the cache"
    batched = figures(replace(LLM, llm_tokens={}, batch_tokens=LLM.llm_tokens), COST, price)
    assert batched.cost_per_1000_texts == pytest.approx(
        paid / 400 * 1000 * (1 - price.batch_discount)
    )
    assert batched.list_cost_per_1000_texts == found.list_cost_per_1000_texts
    both = figures(replace(LLM, batch_tokens=LLM.llm_tokens), COST, price)
    assert both.cost_per_1000_texts == pytest.approx(paid / 400 * 1000 * (2 - price.batch_discount))


def test_an_llm_that_is_free_costs_nothing_and_one_on_an_unpriced_server_an_unknown_sum() -> None:
    free = COST.llm_prices["claude_3_opus"].model_copy(
        update=dict.fromkeys(("input", "output", "cache_write", "cache_read"), 0)
    )
    found = figures(LLM, COST, free)
    assert found.cost_per_1000_texts == found.cost_per_million_tokens == 0
    elsewhere = figures(replace(LLM, hardware={"device": "remote"}), COST)
    assert elsewhere.cost_per_1000_texts is elsewhere.machine_seconds_per_1000_texts is None
    assert elsewhere.texts_per_second == 100


def test_a_priced_llm_without_tokens_by_kind_is_an_error() -> None:
    with pytest.raises(UserError, match="llm_tokens"):
        figures(replace(LLM, llm_tokens=None), COST, COST.llm_prices["claude_3_opus"])


def test_what_was_not_measured_is_null_not_zero() -> None:
    found = figures(replace(MODEL, predict=(TimedRun(0, 0, 0, 0.0),), latency={}), COST)
    assert (
        found.tokens_per_second
        is found.cost_per_million_tokens
        is found.cost_per_1000_texts
        is None
    )
    assert found.latency_p50 is found.machine_seconds_spread is None


def test_the_spread_of_seeds_timed_alike_is_that_of_their_mean() -> None:
    timed = tuple(replace(run, error=0.1) for run in MODEL.predict)
    assert figures(replace(MODEL, predict=timed), COST).machine_seconds_spread == pytest.approx(
        0.02**0.5 / 4
    )
    assert (
        figures(replace(MODEL, predict=(timed[0], MODEL.predict[1])), COST).machine_seconds_spread
        is None
    )
    price = COST.llm_prices["claude_3_opus"]
    assert figures(replace(LLM, predict=timed), COST, price).machine_seconds_spread is None, (
        "its seconds cost nothing"
    )


def test_the_stage_writes_flat_figures_that_dvc_can_diff(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    set_params(tmp_path, {"study.models": [], "study.cascades": []})
    LLM.write(tmp_path / "data/usage/tweets/gemma.json")
    done = subprocess.run(
        [sys.executable, "-m", "stages.cost", "tweets"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    written = json.loads((tmp_path / "metrics/cost/tweets/gemma.json").read_text())
    assert all(value is None or isinstance(value, int | float) for value in written.values())
    assert len(done.stdout.splitlines()) == 1
    assert "per 1,000 texts" in done.stdout
