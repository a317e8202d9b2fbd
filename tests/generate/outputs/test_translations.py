"""Translating files: rows in order, each failing alone, and going on after an interruption."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mmembed.errors import InvalidData, InvalidQuery, UnreadablePicture
from mmembed.generate.base import Translation
from mmembed.generate.outputs.translations import BATCH, Done, Line, output_for, read_lines, translate_lines
from mmembed.media.picture import Picture
from tests.fakes import colour_picture


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def refuse(line: Line) -> str:
    return "empty" if not line.text.strip() else "too long" if len(line.text) > 5000 else ""


def open_picture(name: str) -> Picture:
    if name == "bad.jpg":
        raise UnreadablePicture("it is damaged")
    return colour_picture("red")


def translate(lines: Sequence[Line], pictures: Sequence[Picture | None]) -> list[Translation]:
    if any(line.text == "poison" for line in lines):
        raise InvalidQuery("This cannot be.")
    assert len({line.language for line in lines}) <= 1
    return [
        Translation(line.text, line.text.upper(), "de", picture is not None, -1.0, 0.5, (), line.language or "en")
        for line, picture in zip(lines, pictures, strict=True)
    ]


def test_tables_and_lines_are_read(tmp_path: Path) -> None:
    assert read_lines(write(tmp_path / "a.txt", "one\n\nthree")) == [Line(1, "one"), Line(2, ""), Line(3, "three")]
    assert read_lines(write(tmp_path / "b.txt", "one\r\ntwo\r\n")) == [Line(1, "one"), Line(2, "two")]
    table = 'id,caption,image,lang\n1,"a, b",x.jpg,en\n2,c,,\n'
    assert read_lines(write(tmp_path / "a.csv", table)) == [Line(1, "a, b", "x.jpg", "en"), Line(2, "c")]
    assert read_lines(write(tmp_path / "a.tsv", "mine\tpic\nx\ty.jpg\n"), "mine", "pic") == [Line(1, "x", "y.jpg")]
    assert read_lines(write(tmp_path / "a.jsonl", '{"text": "x", "image": null}\n')) == [Line(1, "x")]
    assert read_lines(write(tmp_path / "only.csv", "whatever\nx\n")) == [Line(1, "x")]
    assert read_lines(write(tmp_path / "long.csv", f"text\n{'x' * 300_000}\n"))[0].text == "x" * 300_000


@pytest.mark.parametrize(
    ("name", "content", "column", "words"),
    [
        ("a.csv", "a,b\n1,2\n", None, "say which"),
        ("a.csv", "a,b\n1,2\n", "c", "no column 'c'"),
        ("a.jsonl", "no\n", None, "not JSON"),
        ("a.docx", "x", None, "neither"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: str, column: str | None, words: str) -> None:
    with pytest.raises(InvalidData, match=words):
        read_lines(write(tmp_path / name, content), column)
    (tmp_path / "latin.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InvalidData, match="UTF-8"):
        read_lines(tmp_path / "latin.txt")


def test_bad_rows_fail_alone_with_a_reason(tmp_path: Path) -> None:
    texts = [("good", ""), ("", ""), ("x" * 10_000, ""), ("seen", "red.jpg"), ("unseen", "bad.jpg"), ("poison", ""), ("also good", "")]
    lines = [Line(number, text, image) for number, (text, image) in enumerate(texts, 1)]
    failed: list[Done] = []
    done = translate_lines(lines, output_for(tmp_path / "a.jsonl", "de"), refuse, open_picture, translate, failed=failed.append)
    assert done == (3, 4)
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["row"] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert [row["text"] for row in rows] == ["GOOD", "", "", "SEEN", "", "", "ALSO GOOD"]
    assert [row["error"] for row in rows] == [
        "", "empty", "too long", "", "The picture bad.jpg cannot be used: it is damaged", "This cannot be.", "",
    ]  # fmt: skip
    assert [row.get("grounded") for row in rows if not row["error"]] == [False, True, False]
    assert [done.line.row for done in failed] == [2, 3, 5, 6]


def test_rows_of_several_languages_stay_in_order(tmp_path: Path) -> None:
    lines = [Line(number, f"t{number}", "", language) for number, language in enumerate(["fr", None, "cs", "fr", None], 1)]
    translate_lines(lines, output_for(tmp_path / "a.txt", "de"), refuse, open_picture, translate)
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "T1\nT2\nT3\nT4\nT5\n"


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
def test_an_interrupted_run_goes_on(tmp_path: Path, name: str) -> None:
    lines = [Line(number, f"text {number}" if number % 5 else "") for number in range(1, 3 * BATCH)]

    def interrupted(part: Sequence[Line], pictures: Sequence[Picture | None]) -> list[Translation]:
        if part[0].row > BATCH:
            raise KeyboardInterrupt
        return translate(part, pictures)

    with pytest.raises(KeyboardInterrupt):
        translate_lines(lines, output_for(tmp_path / name, "de"), refuse, open_picture, interrupted)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-3] if name == "a.txt" else path.read_bytes() + b"torn")
    counts = translate_lines(lines, output_for(path, "de"), refuse, open_picture, translate)
    assert sum(counts) == len(lines) - BATCH
    whole = tmp_path / f"whole{path.suffix}"
    translate_lines(lines, output_for(whole, "de"), refuse, open_picture, translate)
    assert path.read_bytes() == whole.read_bytes()
    assert translate_lines(lines, output_for(path, "de"), refuse, open_picture, translate) == (0, 0)


def test_another_inputs_file_is_not_added_to(tmp_path: Path) -> None:
    translate_lines([Line(1, "one")], output_for(tmp_path / "a.csv", "de"), refuse, open_picture, translate)
    before = (tmp_path / "a.csv").read_bytes()
    for lines in ([Line(1, "other")], []):
        with pytest.raises(InvalidData, match="choose another file"):
            translate_lines(lines, output_for(tmp_path / "a.csv", "de"), refuse, open_picture, translate)
    with pytest.raises(InvalidData, match="something else"):
        translate_lines([Line(1, "one")], output_for(tmp_path / "a.csv", "fr"), refuse, open_picture, translate)
    assert (tmp_path / "a.csv").read_bytes() == before


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
@pytest.mark.parametrize("change", [{"text": "other"}, {"image": "other.jpg"}])
def test_changed_input_is_noticed(tmp_path: Path, name: str, change: dict[str, str]) -> None:
    lines = [Line(1, "one", "red.jpg"), Line(2, "two")]
    translate_lines(lines, output_for(tmp_path / name, "de"), refuse, open_picture, translate)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(InvalidData, match="something else; choose another file"):
        translate_lines([replace(lines[0], **change), lines[1]], output_for(tmp_path / name, "de"), refuse, open_picture, translate)
    with pytest.raises(InvalidData, match="something else; choose another file"):
        translate_lines(lines, output_for(tmp_path / name, "fr"), refuse, open_picture, translate)
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "my diary\n"),
        ("a.txt", "without a line break"),
        ("a.csv", "my,table\n1,2"),
        ("a.csv", "one line"),
        ("a.jsonl", '{"row": 1, "mine": true}\n'),
        ("a.jsonl", '{"mine": true}'),
        ("a.jsonl", "one line"),
    ],
)
def test_a_foreign_file_is_left_as_it_is(tmp_path: Path, name: str, content: str) -> None:
    write(tmp_path / name, content)
    with pytest.raises(InvalidData, match="choose another file"):
        translate_lines([Line(1, "one"), Line(2, "two")], output_for(tmp_path / name, "de"), refuse, open_picture, translate)
    assert (tmp_path / name).read_text(encoding="utf-8") == content
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_translations_that_someone_corrected_are_left_as_they_are(tmp_path: Path) -> None:
    lines = [Line(1, "one"), Line(2, "two")]
    translate_lines(lines[:1], output_for(tmp_path / "a.txt", "de"), refuse, open_picture, translate)
    write(tmp_path / "a.txt", "EINS\n")
    with pytest.raises(InvalidData, match="changed since"):
        output_for(tmp_path / "a.txt", "de")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "EINS\n"


def test_texts_with_any_line_break_are_known_again(tmp_path: Path) -> None:
    lines = [Line(1, "one\r\ntwo"), Line(2, "three\rfour")]
    for expected in ((2, 0), (0, 0)):
        assert translate_lines(lines, output_for(tmp_path / "a.csv", "de"), refuse, open_picture, translate) == expected
