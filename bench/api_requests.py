"""Measures requests to an API: how near they come to its limit, their overhead, and what 200 kills lose.

The server is the loopback Messages API of the tests, in a separate process. In the repository's root:

    .venv/bin/python -m bench.api_requests limit       # 2,000 requests, 50 ms each, at most 100 per second
    .venv/bin/python -m bench.api_requests overhead    # our requests against those of the bare SDK
    .venv/bin/python -m bench.api_requests kills       # 200 times SIGKILL
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import anthropic
import click

from slingshot import settings
from slingshot.files.prompt import Words
from slingshot.llm.anthropic import api as anthropic_api
from slingshot.llm.asked import asking
from slingshot.llm.asked.api import Ask
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.sending import Sender
from slingshot.llm.asked.tally import Tally
from slingshot.llm.asked.wallet import Wallet
from slingshot.llm.prompt import Prompt

LLM = settings.AnthropicSettings(
    provider="anthropic",
    title="loopback",
    model="claude-haiku-5-5",
    price="claude_haiku_5_5",
    key_env="ANTHROPIC_API_KEY",
    max_tokens=64,
)
WORDS = Words(text="Tweet", label="Sentiment", instructions=None, descriptions={})


def study(**run: Any) -> settings.Settings:
    """The repository's settings with this LLM, a budget that is never reached, and the settings `run`."""
    values = settings.read_yaml(settings.PARAMS)
    values["llms"]["loopback"] = json.loads(LLM.model_dump_json(exclude_defaults=True)) | {
        "provider": "anthropic"
    }
    values["run"] |= {"budget": {"loopback": 1e6}} | run
    return settings.validated(values, settings.PARAMS)


def questions(count: int, params: settings.Settings) -> list[Ask]:
    """`count` requests, each with another text."""
    api, prompt = (
        anthropic_api.connect(LLM, params),
        Prompt(WORDS, ["negative", "neutral", "positive"]),
    )
    schema, system = asking.answer_schema(prompt.ids, "label"), prompt.system("label")
    bodies = [
        api.body(system, [], prompt.question(f"the phone came with cable {n}"), schema)
        for n in range(count)
    ]
    return [Ask(api.digest(body, 0), body) for body in bodies]


@contextmanager
def served(folder: Path, *options: str) -> Iterator[Path]:
    """Run the server in a process; yields the path of its journal. The SDK finds the server through the environment."""
    port, journal = folder / "port", folder / "journal"
    call = [
        sys.executable,
        "-m",
        "tests.messages_api.server",
        "--port-file",
        str(port),
        "--journal",
        str(journal),
    ]
    server = subprocess.Popen([*call, *options])
    try:
        while not port.is_file():
            time.sleep(0.05)
        os.environ |= {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port.read_text().strip()}"}
        os.environ |= {"ANTHROPIC_API_KEY": "test-key"}
        yield journal
    finally:
        server.terminate()
        server.wait()


def ask(asks: Sequence[Ask], ledger_file: Path, params: settings.Settings) -> tuple[float, Tally]:
    """Send the requests that are not in the ledger. Returns their seconds and the tally of answers."""
    tally = Tally()
    api = anthropic_api.connect(LLM, params)
    with Ledger(ledger_file) as ledger:
        sender = Sender(
            api, ledger, Wallet.of("loopback", params), params.run, LLM.max_tokens, tally
        )
        stored = ledger.answers([ask.request for ask in asks])

        async def work() -> float:
            started = time.perf_counter()
            await sender.send_all(
                [ask for ask in asks if ask.request not in stored], first_alone=False
            )
            seconds = time.perf_counter() - started
            await api.close()
            return seconds

        return asyncio.run(work()), tally


async def bare(asks: Sequence[Ask], at_once: int) -> float:
    """Seconds that the bare SDK takes for these requests."""
    queue = list(asks)
    async with anthropic.AsyncAnthropic(max_retries=0) as client:

        async def work() -> None:
            while queue:
                await client.messages.create(**queue.pop().body)

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        return time.perf_counter() - started


@click.group()
def main() -> None:
    """Measure requests to an API on the loopback server."""


@main.command()
@click.option("--requests", default=2000, show_default=True)
@click.option(
    "--limit", default=100, show_default=True, help="Requests per second that the server takes."
)
def limit(requests: int, limit: int) -> None:
    """Requests per second, against the server's limit."""
    params = study()
    with (
        tempfile.TemporaryDirectory() as name,
        served(Path(name), "--latency", "0.05", "--limit", str(limit)),
    ):
        seconds, tally = ask(questions(requests, params), Path(name, "ledger.sqlite"), params)
    click.echo(
        f"{requests:,} requests of 50 ms, at most {limit} per second: {requests / seconds:.1f} per second "
        f"({requests / seconds / limit:.1%} of the limit), {tally.answered:,} answered, {len(tally.failed)} failed"
    )


@main.command()
@click.option("--requests", default=1000, show_default=True)
@click.option("--at-once", default=8, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def overhead(requests: int, at_once: int, rounds: int) -> None:
    """A request's time with Slingshot, which reserves and stores, against the bare SDK's, in turn."""
    params = study(concurrency=at_once)
    asks, ours, theirs = questions(requests, params), [], []
    with tempfile.TemporaryDirectory() as name, served(Path(name)):
        for number in range(rounds):
            theirs.append(asyncio.run(bare(asks, at_once)) / requests)
            ours.append(ask(asks, Path(name, f"ledger{number}.sqlite"), params)[0] / requests)
    a, b = min(ours), min(theirs)
    click.echo(
        f"{a * 1000:.2f} ms per request with Slingshot, {b * 1000:.2f} with the bare SDK: ratio {a / b:.2f}"
    )


@main.command()
@click.option("--kills", default=200, show_default=True)
@click.option("--seed", default=0, show_default=True)
def kills(kills: int, seed: int) -> None:
    """Kill the asking process at random moments, start it again, and count answers that were lost or paid again."""
    from tests.messages_api.contract import request_key

    rng, params = random.Random(seed), study()
    asks = questions(kills * 100, params)
    with tempfile.TemporaryDirectory() as name, served(Path(name), "--latency", "0.05") as journal:
        file, stored, done = Path(name, "ledger.sqlite"), set[str](), 0
        Ledger(file).close()
        while done < kills:
            child = os.fork()
            if not child:
                ask(asks, file, params)
                os._exit(0)
            time.sleep(rng.uniform(0.02, 0.6))
            os.kill(child, signal.SIGKILL)
            if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
                done += 1
            with Ledger(file) as ledger:
                stored |= ledger.answers([ask.request for ask in asks]).keys()
        # Requests that were in flight are among the first that are left.
        ask(asks[: len(stored) + 200], file, params)
        billed = Counter(json.loads(line)["key"] for line in journal.read_text().splitlines())
        with Ledger(file) as ledger:
            kept = ledger.answers([one.request for one in asks]).keys()
        with closing(sqlite3.connect(file)) as connection:
            unknown = Counter(
                r
                for (r,) in connection.execute(
                    "SELECT request FROM attempts WHERE outcome = 'unknown'"
                )
            )
    again = {
        one.request: billed[request_key(one.body)] - 1
        for one in asks
        if billed[request_key(one.body)] > 1
    }
    click.echo(
        f"{done} kills: {len(stored):,} answers stored, {len(stored - kept)} lost, "
        f"{sum(max(0, n - unknown[r]) for r, n in again.items())} asked again though stored; "
        f"{sum(again.values())} paid again of {unknown.total()} that were in flight at the kills"
    )


if __name__ == "__main__":
    main()
