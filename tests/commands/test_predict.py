"""`slingshot predict` on real model folders: every family, every format, and what it refuses."""

import bz2
import csv
import errno
import gzip
import io
import json
import lzma
import os
import shutil
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from slingshot import cli
from slingshot.commands import predict
from slingshot.files.predictions import read_predictions
from slingshot.files.rows import read_rows
from slingshot.files.storage.json_files import read_json, write_json
from slingshot.machine import progress
from slingshot.tables.decoding import ReadOptions
from stages.finetune import main as finetune
from tests.conftest import NAMES

COLUMNS = [f"probability_{name}" for name in NAMES]


def slingshot(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def train(model: str) -> Path:
    done = CliRunner().invoke(finetune, ["toy", model])
    assert done.exit_code == 0, done.output
    return Path("data/models/toy", model)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that wants it leaves its model for the others: training is most of what they take."""
    return tmp_path_factory.mktemp("trained") / "tfidf"


@pytest.fixture
def model(project: Path, trained: Path) -> Path:
    if not trained.is_dir():
        shutil.copytree(train("tfidf"), trained)
    folder = Path("data/models/toy/tfidf")
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    return folder


def write(name: str, content: str | bytes) -> Path:
    path = Path(name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table(text: str, separator: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines(keepends=True), delimiter=separator))


@pytest.mark.parametrize("name", ["tfidf", "frozen", "tiny"])
def test_every_family_labels_test_rows_as_its_stage_did(project: Path, name: str) -> None:
    folder = train(name)
    rows = read_rows(project / "data/prepared/toy/test.parquet")
    rows[["id", "text"]].to_csv("texts.csv", index=False)
    done = slingshot("predict", folder, "texts.csv", "--batch", 7)
    assert done.exit_code == 0, done.output
    found = table(done.stdout)
    frame = read_predictions(project / f"data/predictions/toy/{name}.parquet", NAMES)
    stored = frame[frame["split"] == "test"]
    assert [row["id"] for row in found] == stored["id"].tolist()
    assert [row["prediction"] for row in found] == [NAMES[k] for k in stored["prediction"]]
    scores = [[float(row[column]) for column in COLUMNS] for row in found]
    np.testing.assert_allclose(scores, np.stack(stored["scores"].to_list()), atol=1e-5)


def test_a_table_keeps_its_columns_quotes_and_line_breaks(model: Path) -> None:
    write(
        "in.csv",
        '\ufeffid,text,"a, b"\r\n007,"a ""superb"" phone,\r\nsays é",NA\r\n\r\n008, ,1.10\r\n',
    )
    done = slingshot("predict", model, "in.csv", "--output", "out/labelled.tsv")
    assert done.exit_code == 0, done.output
    assert "2 rows labelled; 1 have no text, so no prediction -> out/labelled.tsv" in done.stderr
    first, second = table(Path("out/labelled.tsv").read_bytes().decode(), "\t")
    assert list(first) == ["id", "text", "a, b", "prediction", *COLUMNS]
    assert (first["id"], first["text"], first["a, b"]) == (
        "007",
        'a "superb" phone,\r\nsays é',
        "NA",
    )
    assert first["prediction"] == "good" and float(first["probability_good"]) > 0.5
    assert (second["text"], second["a, b"]) == (" ", "1.10")
    assert second["prediction"] == "" and {second[column] for column in COLUMNS} == {""}


def test_jsonl_keeps_its_values_and_gains_a_mapping_of_scores(model: Path) -> None:
    lines = [
        {"text": "awful é", "n": 1.5, "deep": [{"x": None}]},
        {"text": None},
        {"text": "great \ud83d", "other": True},
        {"text": 12},
    ]
    write("in.jsonl", "\n".join(map(json.dumps, lines)) + "\n\n")
    done = slingshot("predict", model, "in.jsonl")
    assert done.exit_code == 0, done.output
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found[0]["deep"] == [{"x": None}] and found[0]["n"] == 1.5 and "awful é" in done.stdout
    assert [row["prediction"] for row in found[:3]] == ["bad", None, "good"]
    assert found[1]["scores"] is None
    plain = CliRunner(charset="ascii").invoke(cli.main, ["predict", str(model), "in.jsonl"])
    assert plain.stdout_bytes == done.stdout_bytes, (
        "the output is UTF-8, whatever the terminal's encoding"
    )
    assert list(found[0]["scores"]) == list(NAMES) and sum(
        found[0]["scores"].values()
    ) == pytest.approx(1, abs=1e-5)
    assert found[2]["text"] == "great ?" and found[3]["text"] == 12


def test_the_outputs_suffix_says_the_format(model: Path) -> None:
    write("in.csv", "text,id\na great phone,1\n")
    assert slingshot("predict", model, "in.csv", "--output", "out.jsonl").exit_code == 0
    [line] = Path("out.jsonl").read_text().splitlines()
    assert list(json.loads(line)) == ["text", "id", "prediction", "scores"]
    assert slingshot("predict", model, "out.jsonl", "--output", "back.csv").exit_code == 1
    write(
        "in.jsonl",
        '{"text": "a great phone", "ok": true, "none": null, "list": ["é"]}\n{"text": "awful"}\n',
    )
    assert slingshot("predict", model, "in.jsonl", "--output", "back.csv").exit_code == 0
    first, second = table(Path("back.csv").read_text())
    assert (first["ok"], first["none"], first["list"], first["prediction"]) == (
        "true",
        "",
        '["é"]',
        "good",
    )
    assert (second["ok"], second["prediction"]) == ("", "bad")


FORMULAS = {
    "=1+1": "'=1+1",
    "+cmd": "'+cmd",
    "-x": "'-x",
    "@sum(a)": "'@sum(a)",
    "\tx": "'\tx",
    "\rx": "'\rx",
    "+49 30 1": "'+49 30 1",
    "-1-2": "'-1-2",
    "-": "'-",
    **{cell: cell for cell in ("-5", "+3.2e4", "-.5", "-1,234.5", "+7%", "a=1", "'=1", " =1", "")},
}


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_no_cell_of_a_table_is_a_formula(model: Path, suffix: str) -> None:
    saved = read_json(model / "slingshot.json")
    write_json(model / "slingshot.json", saved | {"labels": ["=bad", "fine", "-1"]})
    mark = "\t" if suffix == ".tsv" else ","
    with Path(f"in{suffix}").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter=mark)
        rows.writerows([["text", "@id"], *(["awful broken dreadful", cell] for cell in FORMULAS)])
        rows.writerow(["lovely superb great", "x"])
    for output in (None, Path(f"out{suffix}")):
        done = slingshot("predict", model, f"in{suffix}", *(["--output", output] if output else []))
        assert done.exit_code == 0, done.output
        text = output.read_bytes().decode() if output else done.stdout_bytes.decode()
        header, *found = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
        assert header[:2] == ["text", "'@id"] and header[3:] == [
            f"probability_{n}" for n in ("=bad", "fine", "-1")
        ]
        assert [row[1] for row in found[:-1]] == list(FORMULAS.values())
        assert {row[2] for row in found[:-1]} == {"'=bad"} and found[-1][2] == "-1"
        assert all(float(cell) >= 0 for row in found for cell in row[3:])
    done = slingshot("predict", model, f"in{suffix}", "--no-safe-csv", "--output", f"raw{suffix}")
    assert done.exit_code == 0, done.output
    with Path(f"raw{suffix}").open(encoding="utf-8", newline="") as file:
        header, *found = csv.reader(file, delimiter=mark)
    assert (
        header[1] == "@id"
        and [row[1] for row in found[:-1]] == list(FORMULAS)
        and found[0][2] == "=bad"
    )


def test_no_cell_is_a_formula_in_a_spreadsheet_that_separates_elsewhere(model: Path) -> None:
    cells = ["x;=1+1;y", "x\t=1+1", "x,=1+1", "x|=1+1"]
    write("in.jsonl", "".join(json.dumps({"text": cell, "n": 1}) + "\n" for cell in cells))
    for name, mark in (("out.csv", ","), ("out.tsv", "\t")):
        assert slingshot("predict", model, "in.jsonl", "--output", name).exit_code == 0
        lines = Path(name).read_text().splitlines()[1:]
        assert [line.split(f"{mark}1{mark}")[0] for line in lines] == [
            f'"{cell}"' for cell in cells
        ]
        assert [row["text"] for row in table(Path(name).read_text(), mark)] == cells


def test_jsonl_is_no_spreadsheet(model: Path) -> None:
    write("in.jsonl", '{"text": "=1+1"}\n')
    assert json.loads(slingshot("predict", model, "in.jsonl").stdout)["text"] == "=1+1"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_what_prepare_reads_is_read(model: Path, encoding: str, separator: str) -> None:
    text = '"id";"text"\r\n"1";"a great café"\n"2";"awful"\r"3";"fine, that"\n'.replace(
        ";", separator
    )
    write("in.csv", text.encode(encoding))
    done = slingshot(
        "predict", model, "in.csv", *(["--encoding", encoding] if encoding == "cp1252" else [])
    )
    assert done.exit_code == 0, done.output
    assert [row["text"] for row in table(done.stdout)] == ["a great café", "awful", "fine, that"]
    assert ("as its header has them" in done.stderr) == (separator != ",")
    write("in.csv", text.encode(encoding))
    told = "tab" if separator == "\t" else separator
    named = slingshot("predict", model, "in.csv", "--separator", told, "--encoding", encoding)
    assert named.stdout == done.stdout and "as its header has them" not in named.stderr


def test_archives_and_excels_first_line_are_read(model: Path) -> None:
    text = b"sep=;\r\nid;text\r\n1;a great phone\r\n"
    with zipfile.ZipFile("in.csv.zip", "w") as archive:
        archive.writestr("__MACOSX/._in.csv", b"\0")
        archive.writestr("in.csv", text)
    with pa.output_stream("in.csv.zst", compression="zstd") as stream:
        stream.write(text)
    for name in ("in.csv.zip", "in.csv.zst"):
        [row] = table(slingshot("predict", model, name).stdout)
        assert (row["id"], row["text"], row["prediction"]) == ("1", "a great phone", "good")
    assert (
        "unknown format"
        in slingshot("predict", model, "in.csv.zip", "--output", "out.csv.zip").output
    )


def test_a_wrong_separator_is_refused(model: Path) -> None:
    write("in.csv", GOOD)
    done = slingshot("predict", model, "in.csv", "--separator", ";;")
    assert done.exit_code == 2 and "expected one character" in done.output


@pytest.mark.parametrize(("suffix", "module"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma)])
def test_compressed_files_are_read_and_written(model: Path, suffix: str, module) -> None:
    write(f"in.csv{suffix}", module.compress(b"text\na great phone\n"))
    done = slingshot("predict", model, f"in.csv{suffix}", "--output", f"out.jsonl{suffix}")
    assert done.exit_code == 0, done.output
    assert (
        json.loads(module.decompress(Path(f"out.jsonl{suffix}").read_bytes()))["prediction"]
        == "good"
    )


def test_another_column_and_files_without_rows(model: Path) -> None:
    write("in.csv", "body\nawful\n")
    assert (
        table(slingshot("predict", model, "in.csv", "--text", "body").stdout)[0]["prediction"]
        == "bad"
    )
    write("in.csv", "text\n")
    assert (
        slingshot("predict", model, "in.csv").stdout
        == ",".join(["text", "prediction", *COLUMNS]) + "\n"
    )
    write("in.jsonl", "")
    done = slingshot("predict", model, "in.jsonl")
    assert (done.exit_code, done.stdout) == (0, "")


def test_columns_that_are_not_read_may_stand_twice_or_have_no_name(model: Path) -> None:
    write("in.csv", ",text,id,id,\n0,a great phone,1,2,\n")
    done = slingshot("predict", model, "in.csv")
    assert done.exit_code == 0, done.output
    header, row = csv.reader(done.stdout.splitlines())
    assert header == ["", "text", "id", "id", "", "prediction", *COLUMNS]
    assert row[:6] == ["0", "a great phone", "1", "2", "", "good"]
    done = slingshot("predict", model, "in.csv", "--output", "out.jsonl")
    assert (
        "in.csv: column '' appears twice, which .jsonl does not allow; write .csv, or rename one"
        in done.output
    )
    assert not Path("out.jsonl").exists()


def test_what_is_no_number_is_written_as_null(model: Path) -> None:
    write(
        "in.jsonl",
        '{"text": "great", "a": NaN, "b": [-Infinity, {"c": 1e999}], "d": 2.5}\n{"text": NaN}\n',
    )
    done = slingshot("predict", model, "in.jsonl")
    assert done.exit_code == 0, done.output
    first, second = (
        json.loads(line, parse_constant=pytest.fail) for line in done.stdout.splitlines()
    )
    assert (first["a"], first["b"], first["d"], first["prediction"]) == (
        None,
        [None, {"c": None}],
        2.5,
        "good",
    )
    assert (second["text"], second["prediction"]) == (None, None)


GOOD = "text,id\n" + "a great phone,1\n" * 20


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "in.csv",
            "txt,id\na,1\n",
            "in.csv: no column 'text', did you mean 'txt'? (known: txt, id); name the texts' column with --text",
        ),
        ("in.csv", "", "in.csv: no column 'text'"),
        ("in.csv", GOOD + "a,b,3\n", "in.csv: line 22: 3 fields, but the header has 2"),
        ("in.csv", GOOD + '"a" b,3\n', "in.csv: line 22: ',' expected after '\"'"),
        ("in.csv", GOOD + '"a,3\n', "in.csv: line 22: unexpected end of data"),
        (
            "in.csv",
            (GOOD + "caf").encode() + b"\xe9,1\n",
            "in.csv: byte 331 (line 22) is not valid utf-8: set --encoding",
        ),
        (
            "in.csv",
            GOOD + "a\rb,3\n",
            "in.csv: line 22: 1 field, but the header has 2; a carriage return",
        ),
        (
            "in.csv",
            "text,id\na,1\n".encode("utf-16-le"),
            "UTF-16 without a byte order mark; save it as UTF-8, or set --e",
        ),
        (
            "in.csv",
            "txt;id\na;1\n",
            "in.csv: no column 'text': its header has ';' between the names; set --separator to",
        ),
        (
            "in.csv",
            GOOD.replace("\n", ",\n").replace("id,", "id"),
            "line 2: 3 fields, but the header has 2; each row ends",
        ),
        (
            "in.csv",
            GOOD.replace("id", "id,"),
            "line 2: 2 fields, but the header has 3; the header ends in a separator that",
        ),
        ("in.csv", "text,id,text\na,1,2\n", "in.csv: column 'text' appears twice; rename one"),
        ("in.csv", "text,prediction\na,1\n", "in.csv: line 1: 'prediction' is there already"),
        ("in.csv", "text,prediction\n", "in.csv: line 1: 'prediction' is there already"),
        (
            "in.csv",
            "message,team\na,1\n",
            "in.csv: no column 'text', did you mean 'team'? (known: message, team); name",
        ),
        (
            "in.csv.gz",
            gzip.compress(GOOD.encode(), mtime=0)[:-9],
            "in.csv.gz: not a whole .gz file",
        ),
        ("in.csv.xz", b"text\n", "in.csv.xz: not a whole .xz file"),
        ("in.jsonl", '{"text": "a"}\n{"text": \n', "in.jsonl: line 2 is not valid JSON"),
        ("in.jsonl", '{"text": "a"}\n["text"]\n', "in.jsonl: line 2 is not a JSON object"),
        (
            "in.jsonl",
            '{"text": "a"}\n{"texts": "a"}\n',
            "in.jsonl: line 2: no key 'text', did you mean 'texts'?",
        ),
        ("in.jsonl", '{"text": "a", "text": "b"}\n', "in.jsonl: line 1: key 'text' appears twice"),
        ("in.jsonl", '{"text": ["a"]}\n', "in.jsonl: line 1: 'text' holds a list"),
        (
            "in.jsonl",
            '{"text": "a"}\n{"text": "a", "scores": 1}\n',
            "in.jsonl: line 2: 'scores' is there already",
        ),
        ("in.xlsx", "", "in.xlsx: unknown format '.xlsx'"),
    ],
)
def test_a_wrong_file_is_one_error_and_leaves_no_output(
    model: Path, name: str, content, message: str
) -> None:
    write(name, content)
    output = "out.jsonl" if name.endswith("jsonl") else "out.csv"
    done = slingshot("predict", model, name, "--output", output, "--batch", 5)
    assert done.exit_code == 1
    assert message in done.output and done.output.count("Error:") == 1
    assert not list(Path().glob("*out.*"))


def test_a_key_that_only_a_later_line_has_does_not_fit_a_table(model: Path) -> None:
    write("in.jsonl", '{"text": "a"}\n{"text": "b", "id": 1}\n')
    done = slingshot("predict", model, "in.jsonl", "--output", "out.csv")
    assert (
        "in.jsonl: line 2: key 'id' is not in the first line; write .jsonl instead" in done.output
    )
    assert not Path("out.csv").exists()


def test_a_file_of_the_model_that_may_not_be_read_is_named(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, opened = model / "model.safetensors", Path.open
    assert len({file.stat().st_mode for file in model.iterdir()}) == 1
    if os.geteuid():
        weights.chmod(0)
    else:  # whom no right is lost to

        def refuse(path: Path, *how: Any, **more: Any) -> Any:
            if path == weights:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return opened(path, *how, **more)

        monkeypatch.setattr(Path, "open", refuse)
    done = slingshot("predict", model, write("texts.csv", GOOD))
    assert f"{weights}: permission denied; give yourself permission" in done.output


def test_wrong_names_are_errors_with_the_remedy(model: Path, project: Path) -> None:
    file = write("texts.csv", GOOD)
    assert (
        "text.csv: not found, did you mean 'texts.csv'?"
        in slingshot("predict", model, "text.csv").output
    )
    done = slingshot("predict", project, file)
    assert "not a trained model" in done.output and "slingshot export" in done.output
    assert (
        "is the input file" in slingshot("predict", model, file, "--output", "./texts.csv").output
    )
    (model / "model.safetensors").write_bytes(b"half")
    assert "can't be loaded" in slingshot("predict", model, file).output
    (model / "model.safetensors").unlink()
    assert "can't be loaded" in slingshot("predict", model, file).output
    write_json(model / "slingshot.json", {"family": "tfdif", "labels": list(NAMES)})
    assert "did you mean 'tfidf'?" in slingshot("predict", model, file).output
    write_json(model / "slingshot.json", {"labels": list(NAMES)})
    assert "expected family and labels" in slingshot("predict", model, file).output


def test_a_model_of_other_classes_is_refused(model: Path) -> None:
    write_json(model / "slingshot.json", {"family": "tfidf", "labels": ["bad", "good"]})
    done = slingshot("predict", model, write("in.csv", GOOD), "--output", "out.csv")
    assert "the model has 3 classes, but slingshot.json 2" in done.output
    assert not Path("out.csv").exists()


def test_memory_stays_flat(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peaks = []
    for count in (1_000, 6_000):
        write(
            "in.csv",
            "text,note\n"
            + f"a great phone that came with a cable in my box,{'x' * 5000}\n" * count,
        )
        tracemalloc.start()
        assert (
            predict.label(model, Path("in.csv"), "text", Path("out.csv"), 200, ReadOptions()).rows
            == count
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2
    assert "rows=" not in capsys.readouterr().err, "short work shows no bar"


def test_memory_stays_flat_under_wide_rows(model: Path) -> None:
    peaks = []
    for count in (20, 120):
        write(
            "in.jsonl",
            "".join(
                f'{{"text": "a great phone", "note": "{"x" * 2**20}"}}\n' for _ in range(count)
            ),
        )
        tracemalloc.start()
        assert (
            predict.label(
                model, Path("in.jsonl"), "text", Path("out.jsonl"), 1000, ReadOptions()
            ).rows
            == count
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2
    assert peaks[1] < 30 * 2**20


def test_a_chunks_own_bar_stays_hidden() -> None:
    with progress.sole_bar(10, "file", "B") as outer:
        assert not outer.disable
        assert progress.bar(10, "predict", "text").disable
    assert not progress.bar(10, "predict", "text").disable
