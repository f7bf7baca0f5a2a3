import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from slingshot import cli, settings
from slingshot.commands import dvc_call, overrides

ROOT = Path(__file__).parents[1]
FILE_SOURCE = "source: {kind: file, file: rows.csv, text: text, label: label}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the project's params.yaml and an empty studies folder, as working directory."""
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (tmp_path / "studies").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], str]]:
    """The dvc calls that would have run, each with its PATH; every one ends with 0."""
    made: list[tuple[list[str], str]] = []

    def run(call: list[str], env: dict[str, str]) -> SimpleNamespace:
        made.append((call, env["PATH"]))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    return made


def slingshot(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def change(project: Path, old: str, new: str) -> None:
    path = project / "params.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_check_names_who_takes_part(project: Path) -> None:
    done = slingshot("check")
    assert done.exit_code == 0
    assert "tweets, snippets" in done.output
    assert "tfidf, frozen, minilm, gemma" in done.output


def test_check_prints_json_for_programs(project: Path) -> None:
    found = json.loads(slingshot("check", "--json").stdout)
    assert found["contestants"] == ["tfidf", "frozen", "minilm", "gemma"]
    assert (found["fraction"], found["seeds"], found["warnings"]) == (1.0, [0], [])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fraction: 1.0", "fractoin: 1.0", "did you mean 'fraction'?"),
        ("epochs: 4", "epochs: four", "epochs: Input should be a valid integer"),
        (
            "models: [tfidf, frozen, minilm]",
            "models: [tfidf, frozen, minilmm]",
            "did you mean 'minilm'?",
        ),
    ],
)
def test_check_gives_one_error_with_the_nearest_known_name(
    project: Path, old: str, new: str, message: str
) -> None:
    change(project, old, new)
    done = slingshot("check")
    assert done.exit_code == 1
    assert message in done.output
    assert done.output.count("Error:") == 1


def test_check_looks_for_the_files_of_your_own_data_sets(project: Path) -> None:
    change(
        project,
        "source: {kind: vader, file: tweets_GroundTruth.txt, cuts: [-0.5, 0.5]}",
        FILE_SOURCE,
    )
    done = slingshot("check")
    assert done.exit_code == 1
    assert "datasets.tweets.source.file: data/raw/tweets/rows.csv not found" in done.output
    assert "dvc add data/raw/tweets" in done.output
    (project / "data/raw/tweets").mkdir(parents=True)
    (project / "data/raw/tweets/rows.csv").touch()
    assert slingshot("check").exit_code == 0


def test_check_knows_that_the_hubs_data_sets_have_no_files_of_your_own(project: Path) -> None:
    change(
        project,
        "datasets: [tweets, snippets]",
        "datasets: [yelp5, nusentiment, medical40, medical40_random]",
    )
    done = slingshot("check")
    assert done.exit_code == 0, done.output


def test_study_prints_the_call_and_runs_this_environments_dvc(project: Path, calls: list) -> None:
    (project / "studies/seeds.yaml").write_text("seeds: [0, 1, 2]\nmodels: {minilm: {epochs: 2}}\n")
    done = slingshot("study", "seeds", "--queue")
    assert done.output == "dvc exp run --queue -S 'seeds=[0,1,2]' -S models.minilm.epochs=2\n"
    [(call, path)] = calls
    assert call[:3] == [sys.executable, "-m", "dvc"]
    assert call[3:] == [
        "exp",
        "run",
        "--queue",
        "-S",
        "seeds=[0,1,2]",
        "-S",
        "models.minilm.epochs=2",
    ]
    assert path.startswith(str(Path(sys.executable).parent))


def test_study_dry_runs_nothing(project: Path, calls: list) -> None:
    (project / "studies/quarter.yaml").write_text("fraction: 0.25\n")
    assert slingshot("study", "quarter", "--dry").output == "dvc exp run -S fraction=0.25\n"
    assert calls == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("sedes", "seeds: [1]", "did you mean 'seeds'?"),
        ("seeds", "seed_list: [1]", "unknown key 'seed_list'"),
        ("seeds", "models: {minilm: {epoch: 2}}", "did you mean 'epochs'?"),
        ("seeds", "", "expected keys of params.yaml"),
        ("seeds", "a: [", "not valid YAML"),
        (
            "seeds",
            "sweep: {fraction: 0.25}",
            "sweep: expected dotted keys, each with a list of values",
        ),
        (
            "seeds",
            "sweep: {fraction: [1.0, 2.0]}",
            "fraction: Input should be less than or equal to 1",
        ),
        ("seeds", "sweep: {models.minilm.epoch: [1, 2]}", "did you mean 'epochs'?"),
    ],
)
def test_a_wrong_study_is_one_error_before_anything_runs(
    project: Path, calls: list, name: str, text: str, message: str
) -> None:
    (project / "studies/seeds.yaml").write_text(text)
    done = slingshot("study", name)
    assert done.exit_code == 1
    assert message in done.output
    assert calls == []


@pytest.mark.parametrize(
    ("text", "why", "count"),
    [
        (
            "study: {models: [minilm]}",
            "leaves out tfidf, frozen, and DVC would delete their outputs and metrics here",
            1,
        ),
        ("sweep: {fraction: [1.0, 0.25]}", "has 2 experiments", 2),
    ],
)
def test_a_narrower_study_and_a_sweep_run_in_a_copy_of_the_work_tree(
    project: Path, calls: list, text: str, why: str, count: int
) -> None:
    (project / "studies/small.yaml").write_text(text)
    done = slingshot("study", "small", "--dry")
    assert f"studies/small.yaml {why}: run with --temp" in done.stderr
    assert done.stdout.count("dvc exp run --temp -S ") == len(done.stdout.splitlines()) == count
    assert calls == []
    done = slingshot("study", "small", "--queue")
    assert (done.exit_code, done.stderr, len(calls)) == (0, "", count)
    assert all(call[3:6] == ["exp", "run", "--queue"] for call, _ in calls)


def test_a_run_that_fails_stops_the_study_with_its_exit_code(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "studies/both.yaml").write_text("sweep: {fraction: [1.0, 0.25]}\n")
    codes = iter([7, 0])
    monkeypatch.setattr(dvc_call, "run", lambda arguments: next(codes))
    done = slingshot("study", "both")
    assert done.exit_code == 7
    assert list(codes) == [0], "the second run was not started"


def test_repro_passes_arguments_on_and_a_failure_back(
    project: Path, calls: list, monkeypatch
) -> None:
    codes = {("repro", "--force", "report"): 3}
    monkeypatch.setattr(dvc_call, "run", lambda arguments: codes.get(tuple(arguments), 0))
    assert slingshot("repro", "--force", "report").exit_code == 3


def test_show_without_a_run_is_an_error_with_the_remedy(project: Path) -> None:
    done = slingshot("show")
    assert done.exit_code == 1
    assert "metrics/audit/tweets.json: not found; run `dvc repro`" in done.output


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("primary: accuracy", "primary: macro_f1", "metrics"),
        ("currency: EUR", "currency: USD", "cost"),
    ],
)
def test_show_refuses_old_figures_under_new_settings(
    project: Path, old: str, new: str, key: str
) -> None:
    params = project / "params.yaml"
    values = settings.read_yaml(params)
    made_with = {name: values[name] for name in ("study", "metrics", "decision", "cost")}
    lock = {"schema": "2.0", "stages": {"report": {"params": {"params.yaml": made_with}}}}
    (project / "dvc.lock").write_text(json.dumps(lock))
    assert "not found; run `dvc repro`" in slingshot("show").output
    params.write_text(params.read_text().replace(old, new))
    done = slingshot("show")
    assert done.exit_code == 1
    assert f"params.yaml: {key} changed since the report was made; run `dvc repro`" in done.output


@pytest.mark.parametrize("arguments", [(), ("--dry",), ("--queue",)])
def test_a_study_prints_json_of_its_table_only(project: Path, arguments: tuple[str, ...]) -> None:
    done = slingshot("study", "smoke", "--json", *arguments)
    assert done.exit_code == 2
    assert "goes with --table" in done.output


def test_help_is_short_for_every_command_and_loads_nothing_heavy() -> None:
    heavy = ["pydantic", "pandas", "torch", "rich", "jinja2", "dvc"]
    code = f"import sys, slingshot.cli; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
    for command in cli.main.commands:
        assert slingshot(command, "-h").exit_code == 0


def test_every_study_of_the_project_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    studies = sorted(Path("studies").glob("*.yaml"))
    assert studies
    for file in studies:
        done = slingshot("study", file.stem, "--dry")
        assert done.exit_code == 0, done.output


def test_dvc_reads_the_call_as_the_file_meant_it(project: Path) -> None:
    from dvc.utils.hydra import apply_overrides

    changes = {
        "seeds": [0, 1, 2],
        "study": {
            "cascades": [{"name": "cascade", "small": "minilm", "large": "gemma"}],
            "llms": ["gemma"],
        },
        "datasets": {
            "mine": {
                "source": {"kind": "file", "file": "a b,c.csv", "text": "text", "label": "l"},
                "labels": {"neg": "it's bad", "neu": 'a "fine" one', "pos": "c\\d"},
                "label_source": "human",
                "licence": "CC BY 4.0",
            }
        },
        "models": {"minilm": {"learning_rate": 1e-7, "weight_decay": 0.0}},
        "run": {"threads": 2},
    }
    values = settings.read_yaml(settings.PARAMS)
    apply_overrides("params.yaml", list(overrides.flattened(values, changes)))
    expected = settings.validated(overrides.merged(values, changes), settings.PARAMS)
    assert settings.validated(settings.read_yaml(settings.PARAMS), settings.PARAMS) == expected


@hypothesis_settings(deadline=None)  # the first example imports hydra
@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_any_text_survives_hydras_grammar(text: str) -> None:
    from dvc.utils.hydra import to_hydra_overrides

    [parsed] = to_hydra_overrides([f"key={overrides.literal([text])}"])
    assert parsed.value() == [text]


@pytest.mark.parametrize(
    "value", [{"0": "x"}, {"true": "x"}, {"very bad": "x"}, {1: "x"}, [date(2014, 6, 1)]]
)
def test_what_hydra_would_read_otherwise_is_an_error(value: object) -> None:
    with pytest.raises(settings.UserError, match=r"into params\.yaml itself"):
        overrides.literal(value)


def test_a_key_with_a_dot_in_it_is_an_error() -> None:
    with pytest.raises(
        settings.UserError, match=r"splits it at its dot: put its mapping into params\.yaml itself"
    ):
        list(overrides.flattened({"sha256": {}}, {"sha256": {"a.gguf": "0"}}))


def test_user_errors_are_click_errors() -> None:
    assert issubclass(settings.UserError, click.ClickException)
