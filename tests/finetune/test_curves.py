"""The curves that the stage leaves for `dvc plots`."""

import pandas as pd
import pytest
from click.testing import CliRunner

from slingshot.files.usage import Usage
from stages.finetune import main


@pytest.mark.parametrize("model", ["tfidf", "tiny"])
def test_a_cell_leaves_a_curve_of_each_seed_or_an_empty_folder(project, model):
    assert CliRunner().invoke(main, ["toy", model]).exit_code == 0
    folder = project / f"data/curves/toy/{model}"
    files = {
        file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()
    }
    if model == "tfidf":
        assert folder.is_dir() and not files
        return
    assert set(files) == {
        f"seed0/plots/metrics/{name}.tsv" for name in ("loss", "validation_accuracy")
    }
    details = Usage.read(project / "data/usage/toy/tiny.json").details["0"]
    loss, checked = (pd.read_csv(files[name], sep="\t") for name in sorted(files))
    assert loss["step"].tolist() == [step for step, _ in details["loss"]]
    assert loss["loss"].tolist() == pytest.approx([value for _, value in details["loss"]])
    assert checked["step"].tolist() == [epoch * details["steps"] for epoch in range(1, 9)]
    assert checked["validation_accuracy"].tolist() == pytest.approx(details["validation"])
