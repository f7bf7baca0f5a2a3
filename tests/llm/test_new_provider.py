"""A new provider takes one module and one settings class, as docs/extending.md shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

from slingshot.files.predictions import read_predictions
from slingshot.files.rows import read_rows, write_rows
from slingshot.files.usage import Usage
from tests.conftest import NAMES, ROOT, set_params

PAGE = ROOT / "docs/extending.md"


def test_a_module_and_a_settings_class_are_a_provider(project):
    settings, module = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    for folder in ("src", "stages"):
        shutil.copytree(ROOT / folder, project / folder)
    (project / "src/slingshot/llm/echo.py").write_text(module)
    file = project / "src/slingshot/settings/llms.py"
    before, union, after = re.split(
        r"^(LlmSettings = Annotated\[)", file.read_text(), flags=re.MULTILINE
    )
    file.write_text(before + settings + "\n\n" + union + "EchoSettings | " + after)
    set_params(
        project,
        {"llms.echo": {"provider": "echo", "title": "Echo", "shots": 0}, "study.llms": ["echo"]},
    )
    rows = read_rows(project / "data/prepared/toy/test.parquet")
    rows["text"] += [
        f" {NAMES[label]}" if number % 2 else "" for number, label in enumerate(rows["label"])
    ]
    write_rows(project / "data/prepared/toy/test.parquet", rows)

    for summary in ("0 answers replayed", "0 asked for"):
        call = [sys.executable, "-m", "stages.prompt_llm", "toy", "echo"]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and summary in done.stdout, done.stdout + done.stderr
    frame = read_predictions(project / "data/predictions/toy/echo.parquet", NAMES).query(
        "split == 'test'"
    )
    assert frame["status"].tolist() == [
        "ok" if number % 2 else "invalid" for number in range(len(rows))
    ]
    assert (frame["prediction"] == frame["label"]).tolist() == [
        number % 2 == 1 for number in range(len(rows))
    ]
    assert Usage.read(project / "data/usage/toy/echo.json").title == "Echo"
