"""That README.md and the pages in docs/ name what exists: links, paths, commands, targets, stages and settings."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from slingshot import cli, settings
from slingshot.commands import overrides
from tests.conftest import ROOT, set_params
from tests.repository import write_csv

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MOST_WORDS = 1200
"""Of README.md."""
ROOTS = ("src/", "stages/", "docs/", "bench/", "tests/", "studies/", ".ci/", ".github/", "metrics/")
FILES = ("params.yaml", "Makefile", "dvc.yaml")
PLACEHOLDER = re.compile(r"\b(D|C|M|NAME)\b|\.\.\.|\{[^}]*\}")
"""What a path or a command leaves to the reader: a data set D, a contestant C, a model M, NAME, `...`."""
STUDY_FILE = "<!-- a study file -->"
"""Stands before a YAML block that is no part of params.yaml."""
QUICK = (
    "slingshot check",
    "slingshot quote claude_opus_5_5",
    "slingshot study seeds --dry",
    "slingshot ledger",
    "slingshot ledger --rebuild",
    "slingshot curve",
)
"""Commands of the pages that need no finished study."""
FENCE = re.compile(
    r"^(?P<mark><!--.*-->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
CODE = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
GRAPH = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path, *languages: str) -> list[re.Match[str]]:
    """The page's fenced blocks in these languages."""
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [block for block in found if block["language"] in languages]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def spans(page: Path) -> list[str]:
    """What stands in backticks on the page."""
    return CODE.findall(prose(page))


def commands(page: Path, program: str) -> Iterator[list[str]]:
    """The words after `program` of each command line that the page shows."""
    shown = "".join(block["text"].replace("\\\n", " ") for block in blocks(page, ""))
    for line in [*shown.splitlines(), *spans(page)]:
        words = shlex.split(line, comments=True) if re.match(rf"\S*{program} ", line) else []
        if words and Path(words[0]).name == program:
            yield words[1:]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the page's headings."""
    headings = HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in headings}


def written() -> set[str]:
    """Patterns of what the graph writes."""
    outs = [
        out if isinstance(out, str) else next(iter(out))
        for stage in GRAPH.values()
        for kind in ("outs", "metrics")
        for out in stage.get(kind, [])
    ]
    return {re.sub(r"\$\{[^}]*\}", "*", out) for out in outs}


def exists(path: str) -> bool:
    """Whether a path of the pages is there, or is one that the graph writes; a placeholder stands for any name."""
    pattern = PLACEHOLDER.sub("*", path.rstrip("/"))
    return any(ROOT.glob(pattern)) or any(fnmatch(pattern, out) for out in written())


def test_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= MOST_WORDS


@every_page
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_every_page_can_be_reached_from_readme() -> None:
    seen, open_pages = set(), [README]
    while open_pages:
        page = open_pages.pop()
        seen.add(page)
        files = (link.partition("#")[0] for link in LINK.findall(prose(page)))
        targets = {(page.parent / file).resolve() for file in files if file.endswith(".md")}
        open_pages += targets - seen
    assert seen >= set(PAGES)


@every_page
def test_paths_exist(page: Path) -> None:
    paths = [span for span in spans(page) if re.fullmatch(r"\S+", span)]
    missing = [path for path in paths if path.startswith((*ROOTS, *FILES)) and not exists(path)]
    assert not missing


@every_page
def test_commands_are_ones_that_slingshot_has(page: Path) -> None:
    for words in commands(page, "slingshot"):
        if words == ["--help"]:
            continue
        with click.Context(cli.main, info_name="slingshot") as context:
            name, command, rest = cli.main.resolve_command(context, words)
            assert command is not None, f"slingshot {shlex.join(words)}"
            try:
                command.make_context(name, rest, parent=context)
            except click.MissingParameter:
                # A bare name stands in a sentence.
                assert words == [name], f"slingshot {shlex.join(words)}"


@every_page
def test_targets_are_ones_that_make_has(page: Path) -> None:
    for words in commands(page, "make"):
        assert {word for word in words if "=" not in word} <= TARGETS


@every_page
def test_stages_are_ones_that_the_graph_has(page: Path) -> None:
    for words in commands(page, "dvc"):
        stages = [word.partition("@")[0] for word in words[1:] if not word.startswith("-")]
        assert words[0] != "repro" or set(stages) <= set(GRAPH), words


@every_page
def test_yaml_is_valid(page: Path) -> None:
    values = settings.read_yaml(ROOT / "params.yaml")
    for block in blocks(README, "yaml"):  # `mine`, which other pages add to
        values = overrides.merged(values, parsed(block))
    for block in blocks(page, "yaml"):
        changes = parsed(block)
        if (block["mark"] or "").strip() == STUDY_FILE:
            overrides.runs(values, changes, page)
        else:
            settings.validated(overrides.merged(values, changes), page)


def parsed(block: re.Match[str]) -> dict[str, Any]:
    values = YAML(typ="safe").load(block["text"])
    assert isinstance(values, dict)
    return values


@every_page
def test_keys_are_ones_that_params_yaml_takes(page: Path) -> None:
    schema = settings.Settings.model_json_schema()
    known = {key for part in schema["$defs"].values() for key in part.get("properties", {})}
    for span in spans(page):
        if re.match(r"[a-z_0-9]+: \S", span):
            assert set(YAML(typ="safe").load(span)) <= known, span
        block, *inner = span.split(".") if re.fullmatch(r"[a-z_]+\.[a-z_0-9.]+", span) else [""]
        if block in schema["properties"] and span not in FILES:
            assert inner[0] in known, span


@pytest.mark.parametrize("command", QUICK)
def test_quick_commands_run(project: Path, command: str) -> None:
    shown = {shlex.join(words) for page in PAGES for words in commands(page, "slingshot")}
    words = command.split()[1:]
    assert shlex.join(words) in shown
    shutil.copytree(ROOT / "studies", "studies")
    shutil.copytree(ROOT / "metrics/curve", "metrics/curve")
    shutil.copy("metrics/curve/tweets.csv", "metrics/curve/toy.csv")
    write_csv(project, "toy", 12, 0)
    # The commands name LLMs of the repository's params.yaml.
    shipped = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    llms = {**shipped["llms"], "lm": settings.load().llm("lm").model_dump(exclude_none=True)}
    set_params(project, {"datasets.toy.source.file": "rows.csv", "llms": llms})
    done = CliRunner().invoke(cli.main, words)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", sorted(cli.main.commands))
def test_every_command_has_its_help(name: str) -> None:
    done = CliRunner().invoke(cli.main, [name, "--help"], prog_name="slingshot")
    assert (done.exit_code, done.output.startswith(f"Usage: slingshot {name} ")) == (0, True)
