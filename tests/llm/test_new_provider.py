"""That a new provider is one module and one settings class, as README says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

from slingshot.files.predictions import read_predictions
from slingshot.files.rows import read_rows, write_rows
from slingshot.files.usage import Usage
from tests.conftest import NAMES, ROOT, set_params

SETTINGS = '''

class EchoSettings(AskedSettings):
    """Answers with the first label that stands in the text."""

    module: ClassVar[str] = "slingshot.llm.echo"
    provider: Literal["echo"]

    @property
    def remote(self) -> bool:
        return False

    @property
    def paid(self) -> bool:
        return False

'''
MODULE = """
import hashlib
import json

from slingshot.llm.asked import asking
from slingshot.llm.answer import read_text
from slingshot.llm.asked.api import Reply


def run_cell(settings, task):
    return asking.run_cell(settings, task, connect(settings, task.params))


def connect(settings, params):
    return EchoApi()


class EchoApi:
    def body(self, system, shots, question, schema):
        return {"text": question, "labels": schema["properties"]["label"]["enum"]}

    def digest(self, body, sample):
        return hashlib.sha256(json.dumps([body, sample]).encode()).hexdigest()

    def marked(self, body, *, hour):
        return body

    def caches(self, body):
        return False

    def lengths(self, body):
        return 0, len(body["text"])

    async def send(self, body):
        named = [label for label in body["labels"] if label in body["text"]]
        return Reply({"said": named[0] if named else "none of them", "length": len(body["text"])}, "echo")

    async def count(self, body):
        return len(body["text"])

    def read(self, response, keys):
        return read_text(response["said"], keys)

    def tokens(self, response):
        return {"input": response["length"], "output": 1}

    def key(self):
        return None

    async def close(self):
        pass
"""


def test_a_module_and_a_settings_class_are_a_provider(project):
    for folder in ("src", "stages"):
        shutil.copytree(ROOT / folder, project / folder)
    (project / "src/slingshot/llm/echo.py").write_text(MODULE)
    file = project / "src/slingshot/settings/llms.py"
    before, union, after = re.split(
        r"^(LlmSettings = Annotated\[)", file.read_text(), flags=re.MULTILINE
    )
    file.write_text(before.rstrip() + SETTINGS + "\n" + union + "EchoSettings | " + after)
    set_params(
        project,
        {"llms.echo": {"provider": "echo", "title": "Echo", "shots": 0}, "study.llms": ["echo"]},
    )
    rows = read_rows(project / "data/prepared/toy/test.parquet")
    rows["text"] += [
        f" {NAMES[label]}" if number % 2 else "" for number, label in enumerate(rows["label"])
    ]
    write_rows(project / "data/prepared/toy/test.parquet", rows)

    for said in ("0 answers replayed", "0 asked for"):
        call = [sys.executable, "-m", "stages.prompt_llm", "toy", "echo"]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and said in done.stdout, done.stdout + done.stderr
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
