"""Files that rows are appended to: nothing written is lost, whatever happened to the last line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from mmembed.errors import InvalidData
from mmembed.generate.outputs.journal import Journal

ROWS: list[dict[str, Any]] = [
    {"name": "a, b.jpg", "text": 'He says "hi"', "more": ["x", "y"], "sure": True},
    {"name": "猫.jpg", "text": "zwei\nZeilen", "more": [], "sure": False},
]
COLUMNS = ("name", "text", "more", "sure")


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv"])
def test_rows_come_back_and_are_appended(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "deep" / f"rows{suffix}"
    Journal(path, COLUMNS).append(ROWS[:1])
    again = Journal(path, COLUMNS)
    assert [row["name"] for row in again.rows] == ["a, b.jpg"]
    again.append(ROWS[1:])
    rows = Journal(path, COLUMNS).rows
    assert [(row["name"], row["text"]) for row in rows] == [(row["name"], row["text"]) for row in ROWS]
    assert rows[0]["more"] == (["x", "y"] if suffix == ".jsonl" else "x | y")


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_is_dropped_and_the_rest_stays(tmp_path: Path, suffix: str, cut: int) -> None:
    path = tmp_path / f"rows{suffix}"
    Journal(path, COLUMNS).append([ROWS[0], {**ROWS[0], "name": "second"}])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    rows = Journal(path, COLUMNS).rows
    complete = suffix == ".jsonl" and cut == 1  # only the end of the line is missing
    assert [row["name"] for row in rows] == ["a, b.jpg", "second"][: 2 if complete else 1]
    Journal(path, COLUMNS).append([{**ROWS[0], "name": "third"}])
    assert [row["name"] for row in Journal(path, COLUMNS).rows][-1] == "third"


def test_other_programs_read_them(tmp_path: Path) -> None:
    Journal(tmp_path / "a.csv", COLUMNS).append(ROWS)
    Journal(tmp_path / "a.jsonl", COLUMNS).append(ROWS)
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == [row["text"] for row in ROWS]
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()] == ROWS


def test_names_that_are_no_unicode_are_escaped(tmp_path: Path) -> None:
    Journal(tmp_path / "a.jsonl", COLUMNS).append([{**ROWS[0], "name": "\udcff.jpg"}])
    assert Journal(tmp_path / "a.jsonl", COLUMNS).rows[0]["name"] == "\udcff.jpg"
    Journal(tmp_path / "a.csv", COLUMNS).append([{**ROWS[0], "name": "\udcff.jpg"}])
    assert Journal(tmp_path / "a.csv", COLUMNS).rows[0]["name"] == "\\udcff.jpg"


def test_the_last_of_equal_rows_is_kept_in_place(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.csv", COLUMNS)
    journal.append([{"name": "a", "text": "old"}, {"name": "b", "text": "b"}, {"name": "a", "text": "new"}])
    journal.keep_last(lambda row: row["name"])
    assert [(row["name"], row["text"]) for row in Journal(tmp_path / "a.csv", COLUMNS).rows] == [("a", "new"), ("b", "b")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "other,columns\n1,2\n", "other columns"),
        ("a.jsonl", "no json\n", "not JSON"),
        ("a.jsonl", '{"other": 1}\n', "something else"),
        ("a.jsonl", "[1]\n", "something else"),
        ("a.jsonl", "a note without a line break", "something else"),
        ("a.csv", "a note without a line break", "something else"),
        ("a.csv", "other,columns\n1,2", "other columns"),
        ("a.docx", "", "ends in none"),
    ],
)
def test_other_files_are_refused_and_left_alone(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InvalidData, match=words):
        Journal(tmp_path / name, COLUMNS)
    assert (tmp_path / name).read_text(encoding="utf-8") == content


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InvalidData, match="cannot be used"):
        Journal(tmp_path / "file" / "a.csv", COLUMNS)
