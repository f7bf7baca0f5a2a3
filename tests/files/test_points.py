"""metrics/curve/D.csv: what it holds, and what is refused."""

from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest

from slingshot.files.audit import measured_on
from slingshot.files.points import COLUMNS, SCORES, Point, of_today, read_points, write_points
from slingshot.settings import UserError

POINT = Point(
    "exp",
    "c0ffee",
    0.25,
    630,
    0,
    0,
    "minilm",
    "d0",
    "rows",
    "cut",
    {
        "accuracy": 0.8,
        "balanced_accuracy": 0.7,
        "macro_f1": 0.7,
        "auroc": None,
        "log_loss": 0.5,
        "brier": 0.3,
        "ece": 0.1,
    },
)


def line_of(point: Point) -> str:
    """The point as a line of the file."""
    *facts, figures = astuple(point)
    cells = [*facts, *(figures[metric] for metric in SCORES)]
    return ",".join("" if cell is None else str(cell) for cell in cells)


def test_the_columns_are_those_of_the_files_that_are_committed() -> None:
    assert ",".join(COLUMNS) == (
        "experiment,commit,fraction,train_rows,split_seed,training_seed,contestant,definition,data,split,"
        "accuracy,balanced_accuracy,macro_f1,auroc,log_loss,brier,ece"
    )


def test_points_read_back_sorted_and_equal(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    points = [
        replace(POINT, train_rows=2520, fraction=1.0),
        POINT,
        replace(POINT, contestant="an, llm", fraction=None),
    ]
    write_points(path, points)
    assert read_points(path) == [points[2], points[1], points[0]]
    write_points(tmp_path / "again.csv", read_points(path))
    assert path.read_bytes() == (tmp_path / "again.csv").read_bytes()


def test_no_file_and_no_lines_are_no_points(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    assert read_points(path) == []
    write_points(path, [])
    assert path.read_text() == ",".join(COLUMNS) + "\n"
    assert read_points(path) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"fraction": 1.5}, "is not in"),
        ({"train_rows": -1}, "negative"),
        ({"figures": POINT.figures | {"accuracy": float("nan")}}, "not finite"),
        ({"contestant": ""}, "lacks its contestant"),
        ({"experiment": "other"}, "appears twice"),
        ({"data": "others", "split_seed": 1}, "measured on other rows"),
        ({"split": "another"}, "measured on other rows"),
    ],
)
def test_a_wrong_point_is_neither_written_nor_read(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    path = tmp_path / "curve.csv"
    other = POINT if "experiment" in change else replace(POINT, train_rows=2520)
    points = [other, replace(POINT, **change)]
    with pytest.raises(ValueError, match=problem):
        write_points(path, points)
    assert not path.exists()
    lines = map(line_of, points)
    path.write_text("\n".join([",".join(COLUMNS), *lines]))
    with pytest.raises(UserError, match=problem):
        read_points(path)


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (COLUMNS, "exp,c0ffee,1.0,many,0,0,minilm,,,,,,,,,,"),
        (COLUMNS, "exp,c0ffee,1.0"),
        (COLUMNS[1:], line_of(POINT).partition(",")[2]),
    ],
    ids=["no number", "too few cells", "no column of experiments"],
)
def test_a_malformed_line_is_named_with_its_file(
    tmp_path: Path, header: tuple[str, ...], line: str
) -> None:
    path = tmp_path / "curve.csv"
    path.write_text(",".join(header) + f"\n{line}\n")
    with pytest.raises(UserError, match=r"curve\.csv: .*; restore it with `git restore"):
        read_points(path)


def without(path: Path, *columns: str) -> None:
    """Take the columns out of the file."""
    lines = [line.split(",") for line in path.read_text().splitlines()]
    places = [COLUMNS.index(name) for name in columns]
    kept = [[cell for i, cell in enumerate(line) if i not in places] for line in lines]
    path.write_text("".join(",".join(line) + "\n" for line in kept))


def test_a_file_from_before_a_metric_was_added_has_no_figure_of_it(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    write_points(path, [POINT])
    without(path, "brier")
    assert read_points(path) == [replace(POINT, figures={**POINT.figures, "brier": None})]


def test_a_file_of_an_older_slingshot_is_read_but_its_points_are_in_no_curve(
    tmp_path: Path,
) -> None:
    path = tmp_path / "curve.csv"
    write_points(path, [POINT])
    without(path, "data", "split")
    points = read_points(path)
    assert points == [replace(POINT, data="", split="")]
    for measured in (None, measured_on("d" * 64, {})):
        kept, why = of_today(points, measured, 0)
        assert kept == []
        assert (
            why.startswith("1 learning-curve points are left out, of exp: ")
            and "slingshot curve --write" in why
        )


def test_points_of_today_are_those_of_the_same_rows_and_of_one_split_a_seed() -> None:
    measured = measured_on("d" * 64, {"test.parquet": "one"})
    data, split = measured
    ours = replace(POINT, data=data, split=split)
    other_seed = replace(ours, split_seed=1, split="its own")
    resplit = replace(ours, train_rows=7, split="another", experiment="resplit")
    other_rows = replace(other_seed, train_rows=7, data="others", experiment="others")
    kept, why = of_today([ours, other_seed, resplit, other_rows], measured, 0)
    assert kept == [ours, other_seed]
    assert "2 learning-curve points are left out, of others, resplit:" in why
    assert of_today([ours, other_seed], measured, 0) == ([ours, other_seed], "")
    assert measured_on("d" * 64, {"test.parquet": "two"})[1] != split
