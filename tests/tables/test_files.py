"""The user's own files: every format and compression, every value as it stands, every error clear."""

import bz2
import csv
import gzip
import hashlib
import json
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from slingshot.settings import FileSource, LinesSource, UserError
from slingshot.tables import files

ROWS = [
    ("007", "NA", "1"),
    ('a, "quoted" text\nof two lines', "null", "2"),
    ("été 漢字 \u2028 🙂", "1.50", "1"),
    (" padded ", "None", "2"),
]
COLUMNS = ["Text", "Class", "Who"]


def source(file: str, **changes: Any) -> FileSource:
    return FileSource(
        **(
            {"kind": "file", "file": file, "text": "Text", "label": "Class", "group": "Who"}
            | changes
        )
    )


def lines(**changes: Any) -> LinesSource:
    return LinesSource(**({"kind": "lines", "text_file": "t.txt", "label_file": "l.txt"} | changes))


def written(path: Path, rows: list[tuple[Any, ...]] = ROWS) -> Path:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    if ".csv" in path.name or ".tsv" in path.name:
        frame.to_csv(path, index=False, sep="\t" if ".tsv" in path.name else ",", compression=None)
    elif ".jsonl" in path.name:
        path.write_text(
            "".join(json.dumps(r) + "\n" for r in frame.to_dict("records")), encoding="utf-8"
        )
    else:
        frame.to_parquet(path, index=False)
    return path


def compressed(path: Path) -> None:
    data = path.read_bytes()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("inside.csv", data)
    elif path.suffix == ".zst":
        with pa.output_stream(str(path), compression="zstd") as stream:
            stream.write(data)
    else:
        path.write_bytes({".gz": gzip, ".bz2": bz2, ".xz": lzma}[path.suffix].compress(data))


def held(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(rows[["text", "label", "group"]].itertuples(index=False, name=None))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_each_format_keeps_every_value_as_it_stands(tmp_path: Path, suffix: str) -> None:
    written(tmp_path / f"r{suffix}")
    assert held(files.read(source(f"r{suffix}"), tmp_path)) == ROWS


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zip", ".zst"])
def test_each_compression_is_read_and_a_cut_file_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"r.csv{suffix}", ROWS * 50)
    compressed(path)
    assert len(files.read(source(path.name), tmp_path)) == len(ROWS) * 50
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match=f"r.csv{suffix}: not a whole {suffix} file"):
        files.read(source(path.name), tmp_path)


cells = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), min_size=1
).filter(str.strip)


@given(
    st.lists(st.tuples(cells, cells.map(str.strip), cells.map(str.strip)), min_size=1, max_size=8)
)
@hypothesis_settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_text_survives_csv_jsonl_and_parquet(
    tmp_path: Path, rows: list[tuple[str, str, str]]
) -> None:
    for suffix in (".csv", ".jsonl", ".parquet"):
        written(tmp_path / f"r{suffix}", rows)
        assert held(files.read(source(f"r{suffix}"), tmp_path)) == rows


@given(st.permutations(range(9)))
@hypothesis_settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_ids_are_unique_and_do_not_depend_on_the_order(tmp_path: Path, order: list[int]) -> None:
    rows = [*ROWS, ROWS[0], ROWS[0], ROWS[1], ("007", "other", "1"), ("007", "NA", "2")]
    before = files.read(source(written(tmp_path / "r.csv", rows).name), tmp_path)
    after = files.read(source(written(tmp_path / "r.csv", [rows[i] for i in order]).name), tmp_path)
    assert before["id"].is_unique
    assert set(zip(before["id"], held(before), strict=True)) == set(
        zip(after["id"], held(after), strict=True)
    )


def test_blocks_do_not_change_the_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*ROWS, ROWS[0], ("", "", ""), ("a", "b", ""), ROWS[0]]
    whole = files.read(source(written(tmp_path / "r.csv", rows).name), tmp_path)["id"].tolist()
    monkeypatch.setattr(files, "BLOCK", 3)
    assert files.read(source("r.csv"), tmp_path)["id"].tolist() == whole
    keys = [[text, label.strip() or None, who.strip() or None] for text, label, who in rows]
    assert [name[:20] for name in whole] == [
        hashlib.sha256(json.dumps(k).encode()).hexdigest()[:20] for k in keys
    ]


def test_a_test_file_has_ids_of_its_own(tmp_path: Path) -> None:
    written(tmp_path / "r.csv")
    written(tmp_path / "t.csv")
    rows = files.read(source("r.csv", test_file="t.csv"), tmp_path)
    assert rows["id"].is_unique
    assert rows["test"].tolist() == [False] * 4 + [True] * 4


def test_missing_values_and_whole_numbers_in_parquet_and_jsonl(tmp_path: Path) -> None:
    table = pa.table(
        {
            "Text": ["a", None, "c"],
            "Class": pa.array([1.0, None, 3.0]),
            "Who": pa.array([True, False, None]),
        }
    )
    pq.write_table(table, tmp_path / "r.parquet")
    (tmp_path / "r.jsonl").write_text(
        '{"Text": "a", "Class": 1, "Who": true}\n\n{"Text": null, "Who": false}\n{"Text": "c", "Class": 3}\n'
    )
    for file in ("r.parquet", "r.jsonl"):
        rows = files.read(source(file), tmp_path)
        assert rows["text"].tolist() == ["a", "", "c"]
        assert rows["label"].fillna("-").tolist() == ["1", "-", "3"]
        assert rows["group"].fillna("-").tolist() == ["true", "false", "-"]


def test_no_number_in_a_parquet_column_is_a_missing_value(tmp_path: Path) -> None:
    table = pa.table(
        {"Text": ["a", "b", "c"], "Class": [1.0, 2.0, float("nan")], "Who": ["x", "y", "z"]}
    )
    pq.write_table(table, tmp_path / "r.parquet")
    assert files.read(source("r.parquet"), tmp_path)["label"].fillna("-").tolist() == [
        "1",
        "2",
        "-",
    ]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())]
)
@pytest.mark.parametrize("column", ["Text", "Class"])
def test_text_in_parquet_that_is_not_utf8_is_named_by_its_row(
    tmp_path: Path, kind: pa.DataType, column: str
) -> None:
    values = pa.array([b"good", None, b"caf\xe9", b"good"], pa.binary())
    plain = pa.Array.from_buffers(pa.string(), len(values), values.buffers())
    held = values if kind == pa.binary() else plain
    if pa.types.is_dictionary(kind):  # as pandas writes categories
        held = pa.DictionaryArray.from_arrays(
            pa.array([0, None, 1, 0]), plain.take(pa.array([0, 2]))
        )
    table = pa.table({"Text": ["a"] * 4, "Class": ["x"] * 4, "Who": ["1"] * 4} | {column: held})
    pq.write_table(table, tmp_path / "r.parquet")
    with pytest.raises(
        UserError, match=f"r.parquet: column '{column}', row 3: byte 4 is not valid UTF-8"
    ):
        files.read(source("r.parquet"), tmp_path)


def test_a_parquet_column_that_stands_twice_is_refused_where_it_is_used(tmp_path: Path) -> None:
    columns = [pa.array(["a"]), pa.array(["x"]), pa.array(["y"]), pa.array(["z"])]
    pq.write_table(
        pa.Table.from_arrays(columns, ["Text", "Class", "Class", "Who"]), tmp_path / "r.parquet"
    )
    with pytest.raises(UserError, match=r"r\.parquet: column 'Class' appears twice; rename one"):
        files.read(source("r.parquet"), tmp_path)
    pq.write_table(
        pa.Table.from_arrays(columns, ["Text", "Class", "Who", "Who"]), tmp_path / "r.parquet"
    )
    assert files.read(source("r.parquet", group=None), tmp_path)["label"].tolist() == ["x"]


def test_an_archive_of_a_mac_holds_one_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "r.csv.zip", "w") as archive:
        archive.writestr("r.csv", "Text,Class,Who\na,b,c\n")
        archive.writestr("__MACOSX/._r.csv", b"\x00\x05")
    assert len(files.read(source("r.csv.zip"), tmp_path)) == 1
    with zipfile.ZipFile(tmp_path / "r.csv.zip", "a") as archive:
        archive.writestr("other.csv", "")
        archive.writestr("inside/.DS_Store", "")
    with pytest.raises(
        UserError, match=r"r\.csv\.zip: holds 2 files \(r\.csv, other\.csv\), expected one"
    ):
        files.read(source("r.csv.zip"), tmp_path)


def test_a_byte_order_mark_says_the_encoding(tmp_path: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        (tmp_path / "r.csv").write_bytes("Text,Class,Who\né,b,c\n".encode(encoding))
        for said in ("utf-8", "cp1252", "utf-16-be"):
            assert held(files.read(source("r.csv", encoding=said), tmp_path)) == [("é", "b", "c")]
    (tmp_path / "r.csv").write_bytes("\ufeffText,Class,Who\né,b,c\n".encode("utf-16-be"))
    assert held(files.read(source("r.csv"), tmp_path)) == [("é", "b", "c")]


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_utf16_without_its_mark_is_named(tmp_path: Path, name: str) -> None:
    text = {
        "r.csv": "Text,Class,Who\né,b,c\n",
        "r.jsonl": '{"Text": "é", "Class": "b", "Who": "c"}\n',
    }[name]
    (tmp_path / name).write_bytes(text.encode("utf-16-le"))
    with pytest.raises(
        UserError,
        match=r"UTF-16 without a byte order mark; .* set source.encoding .* to utf-16-le or",
    ):
        files.read(source(name), tmp_path)
    assert held(files.read(source(name, encoding="utf-16-le"), tmp_path)) == [("é", "b", "c")]
    with pytest.raises(
        UserError, match=r"not valid utf-16: set source.encoding .* often utf-16-le or utf-16-be"
    ):
        files.read(source(name, encoding="utf-16"), tmp_path)


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("xlsx", "an Excel workbook or a zip archive"),
        ("parquet", "a Parquet file"),
        ("gz", "compressed by gzip"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_what_is_no_text_is_named_by_what_it_is(
    tmp_path: Path, suffix: str, kind: str, encoding: str
) -> None:
    table, path = pd.DataFrame({"Text": ["a"], "Class": ["b"], "Who": ["c"]}), tmp_path / "r.csv"
    if suffix == "xlsx":
        with zipfile.ZipFile(path, "w") as book:
            book.writestr("xl/workbook.xml", "<workbook/>")
    elif suffix == "parquet":
        table.to_parquet(path)
    else:
        path.write_bytes(gzip.compress(table.to_csv().encode()))
    with pytest.raises(
        UserError,
        match=rf"r.csv: is {kind}, whatever its name says; save the table as .csv, or give",
    ):
        files.read(source("r.csv", encoding=encoding), tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("first", ["", "a text", "漢"])
def test_parallel_lines_in_utf16_without_its_mark_are_named(
    tmp_path: Path, encoding: str, first: str
) -> None:
    texts = [first, "another", "third\0"]
    (tmp_path / "t.txt").write_bytes("\n".join(texts).encode(encoding))
    (tmp_path / "l.txt").write_bytes("x\ny\nx".encode(encoding))
    with pytest.raises(
        UserError,
        match=r"t.txt: it looks like UTF-16 without a byte order mark; .* to utf-16-le or",
    ):
        files.read(lines(), tmp_path)
    assert files.read(lines(encoding=encoding), tmp_path)["text"].tolist() == texts


def test_a_stray_zero_further_down_is_text(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("Text,Class,Who\na,b,c\nd\0e,f,g\n")
    assert files.read(source("r.csv"), tmp_path)["text"].tolist() == ["a", "d\0e"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz"])
def test_the_header_shows_the_separator(
    tmp_path: Path, suffix: str, separator: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"r{suffix}"
    frame = pd.DataFrame(ROWS, columns=COLUMNS)
    frame.to_csv(
        path, index=False, sep=separator, quoting=csv.QUOTE_ALL
    )  # as R's write.csv2 quotes its header
    assert held(files.read(source(path.name), tmp_path)) == ROWS
    usual = "\t" if suffix == ".tsv" else ","
    assert ("between the columns, as its header has them" in capsys.readouterr().err) == (
        separator != usual
    )
    told = "tab" if separator == "\t" else separator
    assert held(files.read(source(path.name, separator=told), tmp_path)) == ROWS
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("said", ["sep", "SEP"])
def test_excels_first_line_says_the_separator(tmp_path: Path, said: str) -> None:
    (tmp_path / "r.csv").write_bytes(f"{said}=;\r\nText;Class;Who\r\na, b;x;1\r\n".encode("utf-16"))
    assert held(files.read(source("r.csv"), tmp_path)) == [("a, b", "x", "1")]
    (tmp_path / "r.csv").write_text("sep=;\nText;Class;Who\na;b\n")
    with pytest.raises(UserError, match=r"r.csv: line 3: 2 fields, but the header has 3"):
        files.read(source("r.csv"), tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Txt;Class;Who\na;b;c\n",
            "no column 'Text': its header has ';' .*; set source.separator in params.yaml to \";\"",
        ),
        (
            "Txt\tClass\tWho\na\tb\tc\n",
            "its header has tabs between the names; set source.separator .* to tab",
        ),
        ("Text;Class;Who;x|Text|Class|Who|y\n", "no column 'Text'"),  # two separators would do
    ],
)
def test_a_separator_that_the_header_leaves_open_is_asked_for(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        files.read(source("r.csv"), tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a,x,1\nb,y,2\nc,x,1\n",
            "its first line looks like a row, not a header; put a line with the names of its 3",
        ),
        (
            "it came too late\tx\t1\nit is still not here\ty\t2\n",
            "its first line looks like a row, not a header",
        ),
        ("Txt,Class,Who\na,x,1\nb,y,2\n", r"did you mean 'Txt'\?"),
        (
            "message,team,customer\na text of some words,x,1\n",
            r"\(known: message, team, customer\)",
        ),
    ],
)
def test_a_missing_header_is_told_from_a_misspelt_one(tmp_path: Path, text: str, said: str) -> None:
    name = "r.tsv" if "\t" in text else "r.csv"
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=f"no column '(Text|Class)'.*{said}"):
        files.read(source(name), tmp_path)


def test_a_lone_surrogate_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"Text": "cut \\ud83d", "Class": "x", "Who": "1"}\n')
    assert files.read(source("r.jsonl"), tmp_path)["text"].tolist() == ["cut ?"]


def test_parallel_lines_end_at_newlines_only_and_may_be_compressed(tmp_path: Path) -> None:
    (tmp_path / "t.txt.gz").write_bytes(
        gzip.compress("one\u2028still one\r\ntwo\x0b\n\nfour".encode())
    )
    (tmp_path / "l.txt").write_text("0\n1 \n\n1\n")
    rows = files.read(lines(text_file="t.txt.gz"), tmp_path)
    assert rows["text"].tolist() == ["one\u2028still one", "two\x0b", "", "four"]
    assert rows["label"].fillna("-").tolist() == ["0", "1", "-", "1"]


def test_unequal_line_counts(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a\nb\nc\n")
    (tmp_path / "l.txt").write_text("0\n1\n")
    with pytest.raises(UserError, match=r"t.txt: holds 3 lines and l.txt holds 2"):
        files.read(lines(), tmp_path)


def test_empty_line_files_and_an_empty_test_file(tmp_path: Path) -> None:
    for name in ("t.txt", "l.txt"):
        (tmp_path / name).write_text("")
    with pytest.raises(UserError, match=r"t.txt: holds no rows; .* as source.text_file"):
        files.read(lines(), tmp_path)
    (tmp_path / "rows.txt").write_text("a\n")
    given = lines(
        text_file="rows.txt", label_file="rows.txt", test_text_file="t.txt", test_label_file="l.txt"
    )
    with pytest.raises(UserError, match=r"t.txt: holds no rows; .* as source.test_text_file"):
        files.read(given, tmp_path)


def test_suffixes_in_capitals_are_the_same_formats(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv.gz")
    compressed(path)
    path.rename(tmp_path / "R.CSV.GZ")
    assert held(files.read(source("R.CSV.GZ"), tmp_path)) == ROWS


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("r.csv", "Txt,Class,Who\na,b,c\n", r"r.csv: no column 'Text', did you mean 'Txt'\?"),
        (
            "r.jsonl",
            '{"Text": "a", "Clas": "b", "Who": "c"}\n',
            r"no column 'Class', did you mean 'Clas'\?",
        ),
        ("r.jsonl", '{"Text": "a"\n', "line 1 is not valid JSON"),
        ("r.jsonl", '\n["a"]\n', "line 2 is not a JSON object"),
        (
            "r.jsonl",
            '{"Text": ["a"], "Class": "b", "Who": "c"}\n',
            "line 1: 'Text' holds a list, expected one text or number",
        ),
        (
            "r.csv",
            "Text,Class,Who\na,b,c\nd, e,f,g\n",
            "line 3: 4 fields, but the header has 3; a text with a sep",
        ),
        (
            "r.csv",
            "Text,Class,Who\na,b,c,\nd,e,f,\n",
            "line 2: 4 fields, .* 3; each row ends in a separator that the header",
        ),
        (
            "r.csv",
            "Text,Class,Who\na,b,c\nd,e,f,\n",
            "line 3: 4 fields, but the header has 3; it ends in one separator too",
        ),
        ("r.csv", "Text,Class,Who,\na,b\n", "line 2: 2 fields, but the header has 4"),
        (
            "r.csv",
            "Text,Class,Who\n1,a,b,c\n2,d,e,f\n",
            "the header has no name for the column of row names, which R's write.table",
        ),
        (
            "r.csv",
            "Text,Class,Who\na,b,c,d\ne,f,g,h\n",
            "every row has one field more: put a name for that column into the header",
        ),
        (
            "r.csv",
            "Text,Class,Who\na\rtext,b,c\n",
            r"line 2: 1 field, but .*; a carriage return \(\\r\) in a text",
        ),
        (
            "r.tsv",
            "Text\tClass\tWho\n\na\ntext\tb\tc\n",
            "line 3: 1 field, .*; put quotes .* too: 'Class', 'Who'",
        ),
        (
            "r.csv",
            "Text,Class,Who\na,b\nd,e,f\n",
            "line 2: 2 fields, but the header has 3; .* last fields too: 'Who'",
        ),
        (
            "r.csv",
            "Text,Class,Who,Class\na,b,c,d\n",
            "r.csv: column 'Class' appears twice; rename one",
        ),
        (
            "r.jsonl",
            '{"Text": "a", "Class": "b", "Class": "c"}\n',
            "r.jsonl: line 1: key 'Class' appears twice",
        ),
        ("r.csv", "", "r.csv: holds no rows; fill it, or name another file as source.file"),
        ("r.tsv", "Text\tClass\tWho\n", "r.tsv: holds no rows"),
        ("r.jsonl", "\n", "r.jsonl: holds no rows"),
        ("r.jsonl", "[" * 100_000, "line 1 is not valid JSON: maximum recursion depth"),
        (
            "r.tsv",
            'Text\tClass\tWho\n"open\tb\tc\nd\te\tf\n"g\th\ti\n',
            "lines 2 to 4: .* after '\"'; .* doubled",
        ),
        (
            "r.tsv",
            'Text\tClass\tWho\n"open\tb\tc\nd\te"\tf\tg\n',
            "line 2: .* quote that swallows rows, up to line 3",
        ),
        (
            "r.csv",
            'Text,Class,Who\n"Oh he said,b,c\nd,e,f\n"ok" then,h,i\n',
            "lines 2 to 4: .* after '\"'; .* doubled",
        ),
        (
            "r.csv",
            'Text,Class,Who\n"never closed,b,c\nd,e,f\n',
            "lines 2 to 3: unexpected end of data",
        ),
        (
            "r.parquet",
            "no parquet",
            "r.parquet: not a whole parquet file .*; copy or download it again",
        ),
        ("r.zip", "", r"r.zip: its name does not say what it holds; name it e.g. r.csv.zip"),
        (
            "r.jsonl",
            '[{"Text": "a"}]\n',
            "line 1 is not a JSON object, .*; write one object per line, e.g. with jq",
        ),
        (
            "r.jsonl",
            "{\n",
            "line 1 is not valid JSON: Expecting property name .*, column 2; write one",
        ),
        (
            "r.jsonl",
            '{"Text": {}, "Class": "b", "Who": "c"}\n',
            "line 1: 'Text' holds an object, expected one text",
        ),
        ("r.xlsx", "", r"unknown format '.xlsx'; expected .csv, .tsv"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, name: str, data: str, said: str) -> None:
    (tmp_path / name).write_text(data)
    with pytest.raises(UserError, match=said):
        files.read(source(name), tmp_path)


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_a_wrong_encoding_names_the_byte_the_line_and_the_key(tmp_path: Path, name: str) -> None:
    text = {
        "r.csv": "Text,Class,Who\na,b,c\nété,b,c\n",
        "r.jsonl": '{"Text": "é", "Class": "b", "Who": "c"}',
    }[name]
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    byte, line = (21, 3) if name == "r.csv" else (10, 1)
    with pytest.raises(
        UserError,
        match=rf"{name}: byte {byte} \(line {line}\) is not valid utf-8: set source.encoding",
    ):
        files.read(source(name), tmp_path)
    assert "é" in files.read(source(name, encoding="latin-1"), tmp_path)["text"].iloc[-1]
    with pytest.raises(
        UserError,
        match=r"source\.encoding in params\.yaml: unknown 'latin1x', did you mean 'latin-1'",
    ):
        files.read(source(name, encoding="latin1x"), tmp_path)
    with pytest.raises(UserError, match=r"source\.encoding in params\.yaml: unknown 'base64'"):
        files.read(source(name, encoding="base64"), tmp_path)


def test_a_missing_file_is_named_with_the_nearest(tmp_path: Path) -> None:
    written(tmp_path / "rows.csv")
    with pytest.raises(UserError, match=r"row.csv: not found, did you mean 'rows.csv'\?"):
        files.read(source("row.csv"), tmp_path)
