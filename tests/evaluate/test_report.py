"""One folder of data → all tables, put where the document wants them."""

from __future__ import annotations

import lzma
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mmembed.errors import InvalidConfig, InvalidData
from mmembed.evaluate.markdown import END, START, markdown, splice, table
from mmembed.evaluate.names import NameScores
from mmembed.evaluate.report import CaptionChoice, ScoresChoice, TablesConfig, run_tables
from mmembed.presets import config_folder, read_config
from tests.fakes import fake_model

COLOURS = {"red": "rot", "green": "grün", "blue": "blau", "yellow": "gelb"}


@pytest.fixture
def data(zipped: Path, tmp_path: Path) -> Path:
    """A data folder in miniature, laid out as the shipped configuration wants it."""
    root = tmp_path / "data"
    for folder in ("flickr8k", "multi30k"):
        (root / folder).mkdir(parents=True)
    shutil.copy(zipped, root / "flickr8k" / "images.zip")
    lines = ["image\tlang\tsource\tcaption"]
    sources = [("en", "flickr8k"), ("de", "multi30k-task1"), ("de", "multi30k-task2"), ("fr", "multi30k-task1"), ("cs", "multi30k-task1")]
    sources += [("zh", "flickr8kcn-human"), ("ar", "arabic-flickr8k")]
    for name, german in COLOURS.items():
        for language, source in sources:
            words = german if language == "de" else name
            lines += [f"{name}.jpg\t{language}\t{source}\t{text}" for text in (words, f"{words} {words}")]
    (root / "flickr8k" / "captions.tsv.xz").write_bytes(lzma.compress("\n".join(lines).encode()))
    splits = ["image\tsplit", "red.jpg\ttest", "green.jpg\ttest", "blue.jpg\ttrain", "yellow.jpg\ttrain"]
    (root / "flickr8k" / "splits.tsv").write_text("\n".join(splits), encoding="utf-8")
    rows = ["split\timage\ten\tde\tfr\tcs"]
    rows += [f"test_2016_flickr\t{image}.jpg\ta b\tb a\tb a\tb a" for image in ("red", "elsewhere", "green")]
    (root / "multi30k" / "task1.tsv.xz").write_bytes(lzma.compress("\n".join(rows).encode()))
    masked = [
        "image\tmasked_en\tde_stems\tfr_stems\tcs_stems",
        *(f"{name}.jpg\t<mask>\t{stem}\t{name}\tx" for name, stem in COLOURS.items()),
    ]
    (root / "multi30k" / "masked.tsv").write_text("\n".join(masked), encoding="utf-8")
    (root / "imagen200").mkdir()
    shutil.copy(zipped, root / "imagen200" / "images.zip")
    labels = ["image\tlabel", *(f"{name}.webp\t{name}" for name in COLOURS)]
    (root / "imagen200" / "labels.tsv").write_text("\n".join(labels), encoding="utf-8")
    return root


@pytest.fixture
def config() -> TablesConfig:
    """The configuration that is shipped."""
    content: TablesConfig = read_config(config_folder() / "eval" / "readme.yaml", TablesConfig)
    return content


@pytest.fixture
def small(config: TablesConfig) -> TablesConfig:
    """The same, with galleries that four pictures are enough for."""
    return replace(config, scores=ScoresChoice("flickr8k", ("test", "train"), (2, 3)))


def test_all_tables(data: Path, small: TablesConfig) -> None:
    pytest.importorskip("pycocoevalcap.cider.cider", reason="the extra `eval` is not installed")
    results = run_tables(fake_model(), data, small)
    assert [result.language for result in results.retrieval] == ["en", "de", "fr", "cs", "zh", "ar"]
    assert {result.pictures for result in results.retrieval} == {2}
    assert {result.language: result.captions for result in results.retrieval}["ar"] == 2  # the first of each picture
    assert [result.language for result in results.captions] == ["en", "de"]  # what the fake model writes
    assert results.captions[0].baseline_pool == "split train, 2 pictures"
    assert [(result.source, result.language) for result in results.translation] == [("en", "de"), ("en", "fr"), ("de", "en"), ("fr", "en")]
    assert {(result.metrics.rows, result.pictured["right"].rows) for result in results.translation} == {(3, 2)}
    assert [(result.language, result.right) for result in results.masked] == [("de", 100), ("fr", 100)]
    assert [(result.kind, result.foils, result.pairwise) for result in results.foils] == [("all", 4, 100), ("colours", 4, 100)]
    assert [(result.queries, result.size, result.auroc) for result in results.confidence] == [("captions", 2, 1), ("captions", 3, 1)]
    assert results.negation == []  # four pictures are too few for a query
    assert results.names == [NameScores(4, 4, *[100] * 7)]

    text = markdown(results, small)
    assert text.count("208") == 1
    headings = (
        "Retrieval",
        "Captions",
        "Translation",
        "Does the picture matter?",
        "Beyond Flickr",
        "A wrong word",
        "What a confidence means",
    )
    assert all(f"### {heading}" in text for heading in headings)
    assert "ar arabic-flickr8k (the first 1 of each picture)" in text
    assert "quick look" not in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_every_picture_is_embedded_once(data: Path, small: TablesConfig) -> None:
    pytest.importorskip("pycocoevalcap.cider.cider", reason="the extra `eval` is not installed")
    model = fake_model()
    run_tables(model, data, small)
    assert model.space.embedded == 4  # type: ignore[attr-defined]


def test_limit_is_stated(data: Path, small: TablesConfig) -> None:
    pytest.importorskip("pycocoevalcap.cider.cider", reason="the extra `eval` is not installed")
    results = run_tables(fake_model(), data, small, limit=2)
    assert results.translation[0].metrics.rows == 2
    assert results.masked[0].rows == 2
    assert results.names == [NameScores(2, 4, *[100] * 7)]
    assert "only the first 2" in markdown(results, small)


@pytest.mark.data
def test_shipped_configuration_fits_the_data(config: TablesConfig) -> None:
    pytest.importorskip("pycocoevalcap.cider.cider", reason="the extra `eval` is not installed")
    data = Path(__file__).parents[3] / "shared" / "data"
    if not data.is_dir():
        pytest.skip("the research data sets are not here")
    results = run_tables(fake_model(), data, config, limit=8)
    counts = {result.language: (result.pictures, result.captions / result.captioned) for result in results.retrieval}
    assert counts == {"en": (8, 5), "de": (8, 1), "fr": (8, 1), "cs": (8, 1), "zh": (8, 5), "ar": (8, 1)}
    assert {result.language: result.references / result.pictures for result in results.captions} == {"en": 5, "de": 5}
    assert {result.rows for result in results.masked} == {8}
    assert results.names[0].names == 200
    assert [(result.queries, result.size) for result in results.confidence][:2] == [("captions", 1), ("captions", 12)]
    assert results.foils[0].foils > 30


def test_shipped_configuration(config: TablesConfig) -> None:
    assert set(config.retrieval) == set(config.references) == {"en", "de", "fr", "cs", "zh", "ar"}
    assert config.retrieval["ar"] == CaptionChoice("arabic-flickr8k", 1)
    assert "208" in config.footnote
    assert config.scores.sizes == (1, 12, 100, 1000)


def test_bad_direction(config: TablesConfig, tmp_path: Path) -> None:
    text = (config_folder() / "eval" / "readme.yaml").read_text(encoding="utf-8").replace("en-de,", "ende,")
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfig, match="ende"):
        read_config(path, TablesConfig)


def test_splice_keeps_the_rest() -> None:
    once = splice(f"# Title\n{START}\nold\n{END}\nrest\n", r"new \* \1")
    assert once == f"# Title\n{START}\n\nnew \\* \\1\n\n{END}\nrest\n"
    assert splice(once, r"new \* \1") == once


@pytest.mark.parametrize("document", ["", START, f"{END}{START}", f"{START}{START}{END}"])
def test_splice_needs_both_markers(document: str) -> None:
    with pytest.raises(InvalidData, match="tables:start"):
        splice(document, "x")


def test_table() -> None:
    assert table(["a", "b"], [[1, "x"]]) == "| a | b |\n| --- | ---: |\n| 1 | x |"
