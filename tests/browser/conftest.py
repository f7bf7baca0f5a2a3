"""A page with every kind of chart and hostile texts, in headless Chromium. `make browser` installs what this needs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from slingshot.files.audit import measured_on
from slingshot.files.points import Point, write_points
from slingshot.report import economy
from slingshot.report.page import index as page
from slingshot.report.section import sections
from slingshot.settings import Settings
from tests.report.conftest import VALUES, Files, audit, errors, narrowed, pair, plots

HOSTILE = """</script><script>document.title = "broken"</script>{{ 7 * 7 }}"'<img src=x onerror=alert(1)>&"""
API = {"token": 0.9, "list": 1.4, "cached": 0.9, "batch": None}
WAIT = 60_000
"""Milliseconds in which a page must have drawn all its charts: the machine may be busy."""


@dataclass(frozen=True)
class Built:
    path: Path
    settings: Settings
    works: dict[str, Any]
    """Contestant -> what it takes, of tweets."""


@dataclass
class Opened:
    """A page in the browser, with what it complained of and what it asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Two data sets, a cascade, an API's LLM, a learning curve, and HOSTILE as title, class and text."""
    root = tmp_path_factory.mktemp("page")
    settings = hostile_settings()
    for dataset in ("tweets", "snippets"):
        files = Files()
        files.add_cascade("both", 0.85, 0.004)
        for room in (files.scores, files.intervals, files.plots, files.costs):
            room["api"] = deepcopy(room["gemma"])
        values = {**VALUES, "api": VALUES["gemma"], "both": 0.85}
        files.pairs["pairs"] += [pair(name, "api", values) for name in values if name != "api"]
        files.costs["api"] |= {f"{kind}_cost_per_1000_texts": price for kind, price in API.items()}
        files.costs["api"] |= {
            "machine_seconds_per_1000_texts": None,
            "cost_per_1000_texts": API["token"],
        }
        files.errors = errors(list(files.scores), (HOSTILE, "neu", "pos"))
        files.errors["texts"]["r0"]["text"] = HOSTILE
        for name, intervals in files.intervals.items():
            intervals["classes"][0]["label"] = HOSTILE
            files.plots[name] = plots(0.8, (HOSTILE, "neu", "pos"))
        files.write(root, dataset)
        write_points(root / f"metrics/curve/{dataset}.csv", points())
    parts = sections(settings, root)
    path = root / "index.html"
    path.write_text(page.build(parts, settings, root).html, encoding="utf-8")
    return Built(path, settings, economy.works(parts["tweets"].results, settings))


def hostile_settings() -> Settings:
    """The study of the page; the API's LLM speaks to a server of this machine, which no test asks."""
    cascades = [{"name": "both", "small": "minilm", "large": "gemma"}]
    settings = narrowed(datasets=["tweets", "snippets"], cascades=cascades)
    gemma = settings.llms["gemma"]
    study = settings.study.model_copy(update={"llms": ["gemma", "api"]})
    llms = {"gemma": gemma, "api": gemma.model_copy(update={"title": HOSTILE})}
    return settings.model_copy(update={"llms": llms, "study": study})


def points() -> list[Point]:
    data, split = measured_on(audit()["data"], audit()["files"])
    curve = []
    for name, top in (("tfidf", 0.75), ("minilm", 0.86)):
        for fraction in (0.125, 0.25, 0.5, 1.0):
            for seed in (0, 1, 2):
                value = top - 0.03 / fraction**0.5 + 0.01 * seed
                curve.append(
                    Point(
                        "e",
                        "c",
                        fraction,
                        int(2520 * fraction),
                        0,
                        seed,
                        name,
                        "d0",
                        data,
                        split,
                        {"accuracy": value},
                    )
                )
    return curve


@pytest.fixture(
    scope="module"
)  # playwright's loop runs in this process while it is open, and others need their own
def chromium() -> Iterator[Any]:
    """The browser; skips where it or playwright is missing."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is missing: run `make browser`"
    )
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if found is None:
        pytest.skip("no Chromium on this machine: run `make browser`")
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # whom Chromium's sandbox refuses
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=found, args=["--no-sandbox"] if root else []
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, built: Built) -> Iterator[Callable[..., Opened]]:
    """Opens the page at a width and height, drawn to the end, with options of the browser's context."""
    contexts = []

    def opened(width: int = 1280, height: int = 800, **options: Any) -> Opened:
        contexts.append(
            chromium.new_context(viewport={"width": width, "height": height}, **options)
        )
        made = Opened(contexts[-1].new_page())
        made.page.on(
            "console", lambda message: made.complaints.append(f"{message.type}: {message.text}")
        )
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on(
            "dialog", lambda dialog: (made.complaints.append(dialog.message), dialog.dismiss())
        )
        made.page.on("request", lambda request: made.asked.append(request.url))
        made.page.goto(built.path.as_uri())
        if options.get("java_script_enabled", True):
            made.page.wait_for_selector("html[data-drawn=yes]", timeout=WAIT)
        return made

    yield opened
    for context in contexts:
        context.close()
