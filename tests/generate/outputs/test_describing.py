"""Batches of captions: sinks get what they lack, failures stay alone, a second run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mmembed.errors import InvalidData
from mmembed.generate.base import Caption
from mmembed.generate.outputs.describing import BATCH, describe_all
from mmembed.generate.outputs.sinks import DatasetSink, Sink, Subject, TableSink, TextSidecars, XmpSidecars, sink_for


class Memory:
    """A sink that remembers."""

    def __init__(self, **done: set[str]) -> None:
        self.held = done
        self.taken: list[tuple[str, str]] = []
        self.closed = False

    def done(self, subject: Subject) -> set[str]:
        return self.held.get(subject.path.stem, set())

    def write(self, subject: Subject, captions: Sequence[Caption]) -> None:
        self.taken += [(subject.path.stem, caption.language) for caption in captions]

    def close(self) -> None:
        self.closed = True


class Broken(Memory):
    """A sink on a full disk."""

    def write(self, subject: Subject, captions: Sequence[Caption]) -> None:
        raise InvalidData("The disk is full.")


def subjects(*names: str, folder: Path = Path("/p")) -> list[Subject]:
    return [Subject(folder / f"{name}.jpg") for name in names]


def caption(language: str, text: str = "text") -> Caption:
    return Caption(f"{text} {language}", language, -1.0, 0.5, ("other",), 0.75)


def describe(batch: Sequence[Subject], languages: Sequence[str]) -> list[list[Caption] | str]:
    return ["it is broken" if subject.path.stem == "bad" else [caption(language) for language in languages] for subject in batch]


def test_each_sink_gets_what_it_lacks_and_nothing_is_done_twice() -> None:
    first, second = Memory(a={"en", "de"}, b={"en"}), Memory(a={"en", "de"}, b={"de"})
    asked: list[tuple[str, ...]] = []

    def recorded(batch: Sequence[Subject], languages: Sequence[str]) -> list[list[Caption] | str]:
        asked.append((*(subject.path.stem for subject in batch), *languages))
        return describe(batch, languages)

    outcome = describe_all(subjects("a", "b", "c"), ["en", "de"], [first, second], recorded)
    assert (outcome.described, outcome.unchanged) == (2, 1)
    assert asked == [("b", "c", "en", "de")]
    assert first.taken == [("b", "de"), ("c", "en"), ("c", "de")]
    assert second.taken == [("b", "en"), ("c", "en"), ("c", "de")]
    assert first.closed and second.closed


def test_failures_are_named_and_the_rest_goes_on() -> None:
    good, broken, seen = Memory(), Broken(), []
    outcome = describe_all(subjects("a", "bad", "b"), ["en"], [good, broken], describe, failed=seen.append)
    assert good.taken == [("a", "en"), ("b", "en")], "one sink's trouble is not the other's"
    assert [(failure.path.stem, failure.reason) for failure in outcome.failures] == [
        ("a", "The disk is full."),
        ("bad", "it is broken"),
        ("b", "The disk is full."),
    ]
    assert list(outcome.failures) == seen


def test_an_interruption_closes_the_sinks_and_the_next_run_goes_on(tmp_path: Path) -> None:
    names = [f"p{number:02}" for number in range(3 * BATCH)]

    def interrupted(batch: Sequence[Subject], languages: Sequence[str]) -> list[list[Caption] | str]:
        if batch[0].path.stem >= names[BATCH]:
            raise KeyboardInterrupt
        return describe(batch, languages)

    memory = Memory()
    with pytest.raises(KeyboardInterrupt):
        describe_all(subjects(*names), ["en"], [TableSink(tmp_path / "a.jsonl"), memory], interrupted)
    assert memory.closed
    outcome = describe_all(subjects(*names), ["en"], [TableSink(tmp_path / "a.jsonl")], describe)
    assert (outcome.described, outcome.unchanged) == (2 * BATCH, BATCH)
    assert (tmp_path / "a.jsonl").read_text(encoding="utf-8").count("\n") == 3 * BATCH


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_tables_know_what_they_have_and_replace_when_asked(tmp_path: Path, name: str) -> None:
    [one, two] = subjects("p, q", "r")
    sink = sink_for(tmp_path / name)
    sink.write(one, [caption("en"), caption("de")])
    again = sink_for(tmp_path / name)
    assert (again.done(one), again.done(two)) == ({"en", "de"}, set())
    replacing = sink_for(tmp_path / name, again=True)
    assert replacing.done(one) == set()
    replacing.write(one, [caption("en", "new")])
    replacing.close()
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert "new en" in text and "text de" in text and "text en" not in text


def test_text_files_beside_pictures(tmp_path: Path) -> None:
    [one] = subjects("one", folder=tmp_path)
    TextSidecars(["en"]).write(one, [caption("en")])
    assert (tmp_path / "one.txt").read_text(encoding="utf-8") == "text en\n"
    assert TextSidecars(["en"]).done(one) == {"en"}
    assert TextSidecars(["en"], again=True).done(one) == set()
    both = TextSidecars(["en", "de"])
    assert both.done(one) == set()
    both.write(one, [caption("en"), caption("de")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.de.txt", "one.en.txt", "one.txt"]


def test_xmp_files_beside_pictures(tmp_path: Path) -> None:
    [one] = subjects("one", folder=tmp_path)
    sink: Sink = XmpSidecars()
    assert sink.done(one) == set()
    sink.write(one, [caption("en")])
    assert sink.done(one) == {"x-default", "en"}
    XmpSidecars(adobe=True).write(one, [caption("en")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.jpg.xmp", "one.xmp"]


def test_a_damaged_sidecar_is_one_failure(tmp_path: Path) -> None:
    (tmp_path / "a.jpg.xmp").write_text("no xml", encoding="utf-8")
    outcome = describe_all(subjects("a", "b", folder=tmp_path), ["en"], [XmpSidecars()], describe)
    assert outcome.described == 1
    assert "left as it is" in outcome.failures[0].reason


def test_a_datasets_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    datasets = pytest.importorskip("datasets")
    from PIL import Image

    Image.new("RGB", (4, 3), "red").save(tmp_path / "one.jpg")
    [one] = subjects("one", folder=tmp_path)
    sink = sink_for(tmp_path / "out")
    assert isinstance(sink, DatasetSink)
    sink.write(one, [caption("en"), caption("de")])
    sink.close()
    assert capfd.readouterr() == ("", ""), "no progress bars of other programs"
    loaded = datasets.load_from_disk(str(tmp_path / "out"))
    assert loaded["language"] == ["en", "de"] or list(loaded["language"]) == ["en", "de"]
    assert loaded[0]["image"].size == (4, 3)
    again = sink_for(tmp_path / "out")
    assert again.done(one) == {"en", "de"}
    again.write(one, [caption("fr")])
    again.close()
    assert len(datasets.load_from_disk(str(tmp_path / "out"))) == 3
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "letter").write_text("dear", encoding="utf-8")
    with pytest.raises(InvalidData, match="something else"):
        sink_for(tmp_path / "own")
