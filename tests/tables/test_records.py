"""Records of tables and JSONL files, through what `prepare` and `predict` read them with: nothing is cut, padded or
swallowed without an error."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from slingshot.commands import streams
from slingshot.settings import FileSource, UserError
from slingshot.tables import files
from slingshot.tables.csv_records import CsvTable
from slingshot.tables.decoding import ReadOptions
from slingshot.tables.unpacking import opened

FILE = Path("r.csv")
SEPARATORS = [(",", ".csv"), ("\t", ".tsv")]
cells = st.text(st.sampled_from('ab ,"\t\n\r\u2028é'), max_size=6)


def written(rows: list[list[str]], separator: str, end: str = "\n") -> str:
    held = io.StringIO(newline="")
    # Without QUOTE_ALL it leaves a line break alone that is not its own line's end.
    csv.writer(held, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    return held.getvalue()


def read(text: str, separator: str) -> Iterator[list[str]]:
    table = CsvTable(
        FILE, io.StringIO(text, newline=""), [], ".csv", ReadOptions(separator=separator)
    )
    yield table.header
    yield from (record.cells for record in table.records(len(table.header)))


@given(
    st.integers(2, 4).flatmap(
        lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1, max_size=6)
    )
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n", "\r"])
def test_what_is_quoted_as_it_should_be_comes_back(end: str, rows: list[list[str]]) -> None:
    assert list(read(written(rows, ",", end), ",")) == rows


def prepared(folder: Path, name: str, text: str, header: list[str]) -> list[tuple[str, str]]:
    """(text, label) of the rows that `prepare` reads."""
    (folder / name).write_bytes(text.encode())
    source = FileSource(
        kind="file", file=name, text="text", label="label", group="who" if "who" in header else None
    )
    rows = files.read(source, folder)
    return list(rows[["text", "label"]].itertuples(index=False, name=None))


def predicted(folder: Path, name: str, text: str) -> list[str]:
    """Texts of the rows that `predict` reads."""
    (folder / name).write_bytes(text.encode())
    with opened(folder / name) as unpacked:
        rows = streams.read_rows(folder / name, unpacked, "text", streams.reading("utf-8", None))[1]
        return [row.text for row in rows]


headers = st.tuples(
    st.lists(st.just(""), max_size=1),
    st.permutations(["text", "label"]),
    st.sampled_from([[], ["who"]]),
    st.integers(0, 3),
).map(lambda parts: [*parts[0], *parts[1], *parts[2], *["note"] * parts[3]])


@given(
    header=headers,
    short=st.lists(st.integers(0, 3), min_size=6, max_size=6),
    broken=st.integers(0, 5),
    mark=st.sampled_from(["\n", "\r", "\r\n"]),
    separator=st.sampled_from(SEPARATORS),
    data=st.data(),
)
@hypothesis_settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_a_line_break_without_quotes_is_never_read_as_two_rows(
    tmp_path: Path,
    header: list[str],
    short: list[int],
    broken: int,
    mark: str,
    separator: tuple[str, str],
    data: st.DataObject,
) -> None:
    """Whatever the columns' order, also where other rows leave out last fields that are not used."""
    columns = [number for number, name in enumerate(header) if name not in ("label", "who")]
    place = data.draw(st.sampled_from(columns))
    last = max(header.index(name) for name in ("text", "label", "who") if name in header)
    rows = [
        [f"{name or 'x'}{n}" for name in header][: max(len(header) - cut, last + 1)]
        for n, cut in enumerate(short)
    ]
    assume(place < len(rows[broken]))
    lines = [separator[0].join(row) for row in [header, *rows]]
    rows[broken][place] = f"first{mark}second"
    lines[broken + 1] = separator[0].join(rows[broken])
    name = f"r{separator[1]}"
    with pytest.raises(UserError, match=r"line \d+: .* fields?, but the header has"):
        prepared(tmp_path, name, "\n".join(lines) + "\n", header)
    with pytest.raises(UserError, match=r"line \d+: .* fields?, but the header has"):
        predicted(tmp_path, name, "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (["text", "label", "note"], ["a", "x"]),
        (["id", "text", "label", "a", "b"], ["1", "a", "x"]),
        (["id", "label", "text", "note"], ["1", "x", "a"]),
        (["who", "text", "label", "note"], ["1", "a", "x"]),
    ],
)
def test_last_fields_that_are_not_used_may_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], header: list[str], row: list[str]
) -> None:
    full = [*row, *["n"] * (len(header) - len(row))]
    assert (
        prepared(tmp_path, "r.csv", written([header, row, full, row], ","), header)
        == [("a", "x")] * 3
    )
    unused = ", ".join(f"'{name}'" for name in header[len(row) :])
    assert f"r.csv: in 2 records the fields of {unused} are missing" in capsys.readouterr().err


@pytest.mark.parametrize("header", [["label", "text", "note"], ["text", "label", "a", "b"]])
def test_short_records_are_refused_where_a_line_break_could_have_made_them(
    tmp_path: Path, header: list[str]
) -> None:
    with pytest.raises(
        UserError, match=r"line 3: 2 fields, but the header has .* last fields too: '(note|a', 'b)'"
    ):
        prepared(tmp_path, "r.csv", written([header, ["a"] * len(header), ["b", "c"]], ","), header)


def test_a_short_record_with_a_label_of_its_own_is_refused(tmp_path: Path) -> None:
    """A line break and a comma in a note make a row of the note's end, with a label that no other row has."""
    lines = ["text,label,note", *["a,x,n", "b,x"] * 3, "c,x,first", "second part, more"]
    with pytest.raises(
        UserError, match=r"line 9: 2 fields, but the header has 3; .* last fields too: 'note'"
    ):
        prepared(tmp_path, "r.csv", "\n".join(lines) + "\n", ["text", "label", "note"])


def test_a_short_record_may_lack_its_label_too(tmp_path: Path) -> None:
    lines = ["text,label,note", *["a,x,n", "b,x"] * 3, "c,"]
    assert len(prepared(tmp_path, "r.csv", "\n".join(lines) + "\n", ["text", "label", "note"])) == 7


def stray(
    separator: str, order: tuple[str, str], rows: int, opens: int, closes: int, end: str
) -> str:
    """A table in which the text of one row opens with a quote that ends another's."""
    texts = [f"row {n} came in {n} inches" for n in range(rows)]
    lines = []
    for number, text in enumerate(texts):
        held = f'"{text}' if number == opens else f'{text}"' if number == closes else text
        row = {"text": held, "label": f"class {number % 2}"}
        lines.append(separator.join(row[name] for name in order))
    return end.join([separator.join(order), *lines, ""])


@pytest.mark.parametrize(("separator", "suffix"), SEPARATORS)
@pytest.mark.parametrize("order", [("label", "text"), ("text", "label")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("gap", [4, 30])
def test_a_stray_quote_that_swallows_rows_is_refused(
    tmp_path: Path, separator: str, suffix: str, order: tuple[str, str], end: str, gap: int
) -> None:
    text = stray(separator, order, 40, 5, 5 + gap, end)
    said = rf"r{suffix}: line 7: .* swallows rows, up to line {7 + gap}; .* save the file as .jsonl"
    with pytest.raises(UserError, match=said):
        prepared(tmp_path, f"r{suffix}", text, list(order))
    with pytest.raises(UserError, match=said):
        predicted(tmp_path, f"r{suffix}", text)


def test_a_stray_quote_that_swallows_few_rows_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = stray(",", ("text", "label"), 9, 2, 4, "\n")
    assert len(prepared(tmp_path, "r.csv", text, ["text", "label"])) == 7
    assert (
        "r.csv: 1 line inside quoted texts could be rows of their own, the first in the record of line 4"
        in (capsys.readouterr().err)
    )
    assert len(predicted(tmp_path, "r.csv", text)) == 7
    assert (
        "r.csv: lines inside the record of line 4 could be rows of their own"
        in capsys.readouterr().err
    )


def test_a_stray_quote_that_swallows_all_rows_of_a_label_is_refused(tmp_path: Path) -> None:
    """As it does in a file that is sorted by label, where no row outside the quote has that label."""
    texts = [(f"{label} text {n}", label) for label in ("aaa", "bbb", "ccc") for n in range(9)]
    lines = [
        f'"{text},{label}' if n == 8 else f'{text}",{label}' if n == 18 else f"{text},{label}"
        for n, (text, label) in enumerate(texts)
    ]
    with pytest.raises(
        UserError, match="line 10: a text opens with a quote that swallows rows, up to line 20"
    ):
        prepared(tmp_path, "r.csv", "\n".join(["text,label", *lines, ""]), ["text", "label"])


def test_a_stray_quote_is_refused_where_last_fields_are_left_out(tmp_path: Path) -> None:
    text = stray(",", ("text", "label"), 40, 5, 30, "\n").replace(
        "text,label\n", "text,label,note\n"
    )
    with pytest.raises(
        UserError, match="line 7: a text opens with a quote that swallows rows, up to line 32"
    ):
        prepared(tmp_path, "r.csv", text, ["text", "label", "note"])


def test_a_record_that_a_quote_makes_too_short_is_said_to_have_one(tmp_path: Path) -> None:
    for read in (prepared, lambda *given: predicted(*given[:3])):
        with pytest.raises(
            UserError, match=r"line 2: 1 field, .*; a quote in it goes on to line 3: a text with"
        ):
            read(tmp_path, "r.csv", 'text,label\n"a,x\nb,y"\nc,x\n', ["text", "label"])


LETTER = (
    "Dear Sir, or Madam\nthank you, kindly\nfor the parcel, it came\nwarmly, Ann\nof Leeds, England"
)
PASTED = "my sheet:\nitem,price\nscrew,2\nnail,1\nbolt,4\nis wrong"
POEM = "roses,\nviolets,\nsugar,\nhoney,\nyou"
NUMBERS = "prices:\n1,200\n1,300\n1,400\nend"


def test_quoted_line_breaks_that_are_text_stay(tmp_path: Path) -> None:
    rows = [
        ["label", "text"],
        ["bug", LETTER],
        ["praise", PASTED],
        ["bug", "one,bug\ntwo,praise\nthree"],
        ["", POEM],
    ]
    rows += [["praise", NUMBERS]]
    text = written(rows, ",")
    assert [held for held, _ in prepared(tmp_path, "r.csv", text, rows[0])] == [
        text for _, text in rows[1:]
    ]
    assert predicted(tmp_path, "r.csv", text) == [text for _, text in rows[1:]]


def test_code_in_a_table_of_tabs_stays_where_no_one_reads_it_or_predict_does(
    tmp_path: Path,
) -> None:
    code = "def f():\n\treturn 1\n"
    text = written([["text", "label", "code"], ["a", "x", code]], "\t")
    assert prepared(tmp_path, "r.tsv", text, ["text", "label", "code"]) == [("a", "x")]
    assert predicted(tmp_path, "r.tsv", written([["text"], [code]], "\t")) == [code]


def test_rows_with_a_blank_behind_each_separator_are_rows_too(tmp_path: Path) -> None:
    lines = [
        "id, text",
        "1, a word",
        '2,"b word',
        "3, c word",
        "4, d word",
        "5, e word",
        '6,f word"',
        "7, g word",
        "",
    ]
    with pytest.raises(
        UserError, match="line 3: a text opens with a quote that swallows rows, up to line 7"
    ):
        predicted(tmp_path, "r.csv", "\n".join(lines).replace("id, text", "id,text"))


def test_what_is_not_used_may_stand_twice_or_have_no_name(tmp_path: Path) -> None:
    header = ["", "text", "note", "note", "label", ""]
    row = ["0", "a", "b", "c", "x", "d"]
    assert prepared(tmp_path, "r.csv", written([header, row], ","), header) == [("a", "x")]
    assert predicted(tmp_path, "r.csv", written([header, row], ",")) == ["a"]
    line = '{"text": "a", "label": "x", "note": 1, "note": {"text": 1, "text": 2}}\n'
    assert prepared(tmp_path, "r.jsonl", line, header) == [("a", "x")]
    assert predicted(tmp_path, "r.jsonl", line) == ["a"]


def test_an_object_may_have_very_many_keys(tmp_path: Path) -> None:
    keys = "".join(f'"{n}": 0, ' for n in range(100_000))
    assert predicted(tmp_path, "r.jsonl", f'{{{keys}"0": 1, "text": "a"}}\n') == ["a"]


@pytest.mark.parametrize("missing", ["NaN", "Infinity", "-Infinity", "null"])
def test_no_number_is_a_missing_value_for_prepare_and_predict(tmp_path: Path, missing: str) -> None:
    pairs = [(missing, '"x"'), ('"a"', missing), ('"NaN"', '"x"')]
    lines = "".join(f'{{"text": {text}, "label": {label}}}\n' for text, label in pairs)
    (tmp_path / "r.jsonl").write_text(lines)
    rows = files.read(FileSource(kind="file", file="r.jsonl", text="text", label="label"), tmp_path)
    assert rows["text"].tolist() == ["", "a", "NaN"]
    assert rows["label"].isna().tolist() == [False, True, False]
    assert predicted(tmp_path, "r.jsonl", lines) == ["", "a", "NaN"]
