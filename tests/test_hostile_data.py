"""Labels, texts, a licence, titles and an API's model name that hold what a terminal would obey, through every command.

One study is run in this process, as people run it; the tests look at all that its commands printed and wrote.
"""

from __future__ import annotations

import os
import re
import subprocess
import xml.etree.ElementTree
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from slingshot import cli
from slingshot.files.predictions import predictions_frame, write_predictions
from slingshot.files.storage.json_files import write_text
from slingshot.settings.errors import OBEYED
from stages import cost, evaluate, finetune, prepare, prompt_llm, report, shots, subsample
from tests.conftest import make_rows, set_params, write_params
from tests.llm.conftest import CLAUDE
from tests.markdown_effects import effects, shown
from tests.messages_api.server import MessagesServer

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
SHOWN = r"\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
MARKDOWN = (
    "@someone #2 GH-2 abcdef1 www.e.vil http://e.vil a@b.cd ![x](y) <img src=x> a|b `c` $x$ :tada:"
)
LABELS = (f"bad{ESCAPES}{MARKDOWN}", f"[bold]fine[/] {MARKDOWN}", "[/] [red]good @someone")


def run(command: object, *arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(
        command, arguments, color=True
    )  # as on a terminal, nothing is stripped
    assert done.exit_code == code, (done.output, done.exception)
    for stream in (done.stdout, done.stderr):
        found = sorted(set(OBEYED.findall(stream)))
        assert not found, (arguments, found)
    return done


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """What each command printed. The working directory is the study's, in a repository of its own."""
    root = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch, MessagesServer() as server:
        patch.chdir(root)
        patch.setenv("SLINGSHOT_STATE", str(root / "state"))
        patch.setenv("ANTHROPIC_API_KEY", "test-key")
        patch.setenv("ANTHROPIC_BASE_URL", server.url)
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        server.models[f"claude{ESCAPES}"] = 64
        source = {"kind": "file", "file": "rows.csv", "text": "text", "label": "label"}
        described = {
            "source": source,
            "label_source": f"human{ESCAPES} {MARKDOWN}",
            "may_leave": True,
        }
        described |= {"licence": f"MIT{ESCAPES} {MARKDOWN}", "description": f"texts {MARKDOWN}"}
        claude = CLAUDE | {
            "title": f"Claude{ESCAPES} {MARKDOWN}",
            "model": f"claude{ESCAPES}",
            "max_validation": 12,
        }
        claude |= {"key_env": "ANTHROPIC_API_KEY"}  # the server is not Anthropic's
        values = {
            "study": {"datasets": ["toy"], "models": ["tfidf"], "llms": ["claude"], "cascades": []},
            "datasets": {"toy": described},
            "models": {"tfidf": {"family": "tfidf", "c": [1.0], "char_ngrams": [0]}},
            "llms": {"claude": claude},
            "metrics": {"primary": "balanced_accuracy"},  # the rare classes of a note are named
            "run": {"threads": 1, "budget": {"claude": 1.0}},
        }
        write_params(root, values)
        rows = make_rows(120)
        rows["label"] = [LABELS[number] for number in rows["label"]]
        rows["text"] += [f" {ESCAPES} [red] {number}" for number in range(len(rows))]
        (root / "data/raw/toy").mkdir(parents=True)
        rows[["text", "label"]].to_csv(root / "data/raw/toy/rows.csv", index=False)
        write_text(root / "metrics/curve/toy.csv", "experiment\n")
        for words in (
            ["git", "init", "-q"],
            ["dvc", "init", "-q"],
            ["dvc", "add", "-q", "data/raw/toy"],
        ):
            subprocess.run(words, check=True)
        printed = {"check": run(cli.main, "check"), "prepare": run(prepare.main, "toy")}
        for stage in (subsample, shots):
            run(stage.main, "toy")
        printed["quote"] = run(cli.main, "quote")
        printed["finetune"] = run(finetune.main, "toy", "tfidf")
        printed["prompt_llm"] = run(prompt_llm.main, "toy", "claude")
        run(cost.main, "toy")
        printed["evaluate"] = run(evaluate.main, "toy")
        printed["report"] = run(report.main)
        printed["show"] = run(cli.main, "show")
        Path("dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
        for words in (
            ["add", "-A"],
            ["-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-qm", "Run"],
        ):
            subprocess.run(["git", *words], check=True)
        printed["diff"] = run(cli.main, "diff", "HEAD")
        run(cli.main, "export", "toy", "tfidf", "exported")
        yield printed


def flat(done: Result) -> str:
    """What was printed, without the breaks and spaces of a table."""
    return "".join(done.output.split())


def test_what_a_terminal_would_obey_is_shown(study: dict[str, Result]) -> None:
    assert SHOWN in flat(study["prepare"]) and f"MIT{SHOWN}" in flat(study["prepare"])
    assert f"Claude{SHOWN}" in flat(study["show"])
    assert f"bad{SHOWN}" in flat(study["evaluate"])


def test_markup_is_shown_as_it_is(study: dict[str, Result]) -> None:
    for label in LABELS[1:]:
        assert "".join(label.split()) in flat(study["prepare"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (f"llms.claude.no{ESCAPES}", 1),
        ("datasets.toy.source.file", f"{ESCAPES}.csv"),
        ("llms.claude.title", f"{ESCAPES}\nb"),
    ],
)
def test_errors_show_it_too(study: dict[str, Result], key: str, value: object) -> None:
    before = Path("params.yaml").read_text()
    set_params(Path(), {key: value})
    try:
        assert SHOWN in run(cli.main, "check", code=1).stderr
    finally:
        Path("params.yaml").write_text(before)


def test_an_error_about_a_label_and_one_about_an_argument_show_it(
    study: dict[str, Result], tmp_path: Path
) -> None:
    path = tmp_path / "toy.parquet"
    rows = make_rows(3).assign(split="test")
    names = ("a", "b", LABELS[0])
    frame = predictions_frame(
        rows, "test", pd.get_dummies(rows["label"]).to_numpy(float), score_source="none"
    )
    write_predictions(path, frame, names, fraction=1.0, train_rows=1)
    Path("data/predictions/toy/tfidf.parquet").rename(tmp_path / "kept")
    path.rename("data/predictions/toy/tfidf.parquet")
    try:
        assert SHOWN in run(evaluate.main, "toy", code=1).stderr
    finally:
        (tmp_path / "kept").rename("data/predictions/toy/tfidf.parquet")
    assert SHOWN in run(cli.main, "diff", ESCAPES, code=2).stderr
    assert SHOWN in run(cli.main, "predict", "exported", f"{ESCAPES}.csv", code=1).stderr


def test_a_fault_of_the_program_shows_it_in_its_traceback(
    study: dict[str, Result], monkeypatch
) -> None:
    monkeypatch.setattr("slingshot.commands.diff.compare.compare", lambda *_: {}[ESCAPES] or 1 / 0)
    monkeypatch.setattr(
        "slingshot.settings.load", lambda: (_ for _ in ()).throw(ValueError(ESCAPES))
    )
    assert SHOWN in run(cli.main, "diff", "HEAD", code=2).stderr


def test_json_escapes_by_itself(study: dict[str, Result]) -> None:
    for arguments in (
        ["show", "--json"],
        ["check", "--json"],
        ["quote", "--json"],
        ["diff", "HEAD", "--json"],
    ):
        run(cli.main, *arguments)


def test_markdown_does_nothing_but_show_it(study: dict[str, Result]) -> None:
    card = Path("data/models/toy/tfidf/README.md").read_text().split("---\n", 2)[2]
    exported = Path("exported/README.md").read_text().split("---\n", 2)[2]
    summary = Path("report/summary.md").read_text()
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout
    ours = ("fence: slingshot predict", f"commit: {head[:7]}")
    for name, text in {
        "summary": summary,
        "diff": study["diff"].stdout,
        "card": card,
        "exported": exported,
    }.items():
        assert [effect for effect in effects(text) if not effect.startswith(ours)] == [], name
        assert f"bad{SHOWN}{MARKDOWN}" in shown(text), name
        assert not OBEYED.search(text), name
    assert f"MIT{SHOWN} {MARKDOWN}" in shown(summary) and f"texts {MARKDOWN}" in shown(exported)
    assert f"Claude{SHOWN} {MARKDOWN}" in shown(summary)


def test_the_page_and_the_figures_hold_no_control_character(study: dict[str, Result]) -> None:
    page = Path("report/index.html").read_text()
    scripts = re.compile("<script>.*?</script>", re.DOTALL)
    assert not OBEYED.search(scripts.sub("", page)) and "<img" not in scripts.sub("", page)
    for file in Path("report/figures").glob("*.svg"):
        xml.etree.ElementTree.parse(file)
