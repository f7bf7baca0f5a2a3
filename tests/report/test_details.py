"""What the page alone reads: data/plots and data/errors."""

import shutil
import subprocess
import sys

import pytest

from slingshot.report import inputs
from slingshot.report.page import details
from slingshot.report.section import sections
from slingshot.settings import UserError


@pytest.fixture
def read(files, study, tmp_path):
    files.write(tmp_path)
    [results] = inputs.read(study(), tmp_path)
    return lambda: details.read(results, tmp_path)


def test_points_and_texts_are_read(read) -> None:
    held = read()
    assert sum(held.plots["minilm"].confusion.values()) == 840
    assert held.plots["minilm"].risk[-1] == (1.0, pytest.approx(0.158))
    assert {b.rows for b in held.plots["minilm"].predicted} >= {20}
    assert held.errors.texts["r0"].label == "neg"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("risk/minilm.csv", None, "not found; run `dvc repro`, or `dvc checkout`"),
        ("risk/minilm.csv", "", "expected the columns coverage,risk"),
        ("risk/minilm.csv", "coverage,risk\n0.5\n", "as many cells in every line"),
        ("risk/minilm.csv", "coverage,risk\n0.5,high\n", "a cell is not a number"),
        ("risk/minilm.csv", "coverage,risk\n0.5,nan\n", "a cell is not a number"),
        (
            "confusion/minilm.csv",
            "predicted,actual\na,b\n",
            "expected the columns actual,predicted",
        ),
    ],
)
def test_a_malformed_file_is_named_with_the_remedy(read, tmp_path, name, text, said) -> None:
    path = tmp_path / "data/plots/tweets" / name
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=rf"tweets/{name}: .*{said}"):
        read()


def test_what_show_prints_needs_no_charts() -> None:
    script = "import sys, slingshot.report.section, slingshot.report.terminal, slingshot.report.summary; "
    script += "sys.exit(bool({'altair', 'vl_convert'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_metrics_alone_are_enough_for_all_but_the_page(files, study, tmp_path) -> None:
    """As in a fresh clone without DVC's cache."""
    files.write(tmp_path)
    shutil.rmtree(tmp_path / "data")
    assert sections(study(), tmp_path)["tweets"].headline == "fine-tune minilm"
