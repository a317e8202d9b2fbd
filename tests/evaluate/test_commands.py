"""`mmembed eval …` on the fake model: what comes out, under which names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import mmembed
from mmembed.cli import cli
from tests import datasets_on_disk
from tests.fakes import colour_kinds, fake_model

NAMED = ("top1", "top5", "found", "sight1", "sight5", "unseen1", "unseen5")

Run = Callable[..., Result]
Write = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `mmembed eval …` on the fake model."""
    monkeypatch.setattr(mmembed, "load", lambda name="mini": fake_model(), raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(cli, ["eval", *map(str, arguments)])


@pytest.fixture
def scorers() -> None:
    pytest.importorskip("pycocoevalcap.cider.cider", reason="the extra `eval` is not installed")


@pytest.fixture
def splits(write_table: Write) -> Path:
    return write_table("splits.tsv", "image | split", "red.jpg | test", "green.jpg | test", "blue.jpg | train", "yellow.jpg | train")


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_retrieval(run: Run, zipped: Path, captions: Path, splits: Path) -> None:
    english, german = lines(run("retrieval", "--images", zipped, "--captions", captions, "--json"))
    assert list(english) == ["language", "pictures", "captioned", "captions", "text_to_image", "image_to_text"]
    assert english["text_to_image"] == {"recall@1": 100.0, "recall@5": 100.0, "recall@10": 100.0, "median_rank": 1.0}
    assert (german["language"], german["captions"]) == ("de", 3)
    chosen = ("--splits", splits, "--split", "test")
    [only] = lines(run("retrieval", "--images", zipped, "--captions", captions, *chosen, "--lang", "de", "--source", "b", "--json"))
    assert (only["pictures"], only["captions"]) == (2, 2)
    people = run("retrieval", "--images", zipped, "--captions", captions).stdout.splitlines()
    assert len(people) == 5
    assert people[1].split() == ["en", "text→image", "100.0", "100.0", "100.0", "1.0", "8", "4"]


def test_a_language_without_captions_keeps_the_gallery(run: Run, pictures: Path, captions: Path) -> None:
    result = run("retrieval", "--images", pictures, "--captions", captions, "--lang", "fr")
    assert result.exit_code == 1
    assert "no caption" in result.stderr
    assert run("retrieval", "--images", pictures, "--captions", captions, "--split", "test").exit_code == 2


@pytest.mark.usefixtures("scorers")
def test_caption(run: Run, zipped: Path, captions: Path, splits: Path) -> None:
    given = ("caption", "--images", zipped, "--captions", captions)
    [alone] = lines(run(*given, "--json"))
    fields = [
        "language",
        "cider",
        "bleu4",
        "rouge_l",
        "pictures",
        "references",
        "nearest_neighbour",
        "through_english",
        "ahead_95",
        "baseline_pool",
        "distinct",
        "tokenizer",
    ]
    assert list(alone) == fields
    assert (alone["language"], alone["pictures"], alone["references"]) == ("en", 4, 8)
    assert alone["baseline_pool"].startswith("leave-one-out")
    test = ("--splits", splits, "--split", "test", "--neighbours-split", "train")
    pooled = lines(run(*given, *test, "--lang", "en,de", "--json"))
    assert [(result["language"], result["pictures"]) for result in pooled] == [("en", 2), ("de", 2)]
    assert pooled[0]["baseline_pool"] == "split train, 2 pictures"
    text = run(*given).stdout
    assert "nearest neighbour" in text
    assert "13a" in text
    assert run(*given, "--lang", "fr").exit_code == 1


@pytest.mark.torch
@pytest.mark.parametrize("form", datasets_on_disk.FORMS)
def test_retrieval_in_a_dataset(run: Run, tmp_path: Path, form: Callable[[Path], Path]) -> None:
    pytest.importorskip("datasets")
    source = form(tmp_path)
    [english] = lines(run("retrieval", "--dataset", source, "--json"))
    assert (english["language"], english["pictures"], english["text_to_image"]["recall@1"]) == ("en", 4, 100.0)
    [german] = lines(run("retrieval", "--dataset", source, "--text-column", "de=german", "--rows", 2, "--json"))
    assert (german["language"], german["pictures"], german["captions"]) == ("de", 2, 2)
    lost = run("retrieval", "--dataset", source, "--text-column", "nothing")
    assert lost.exit_code == 1
    assert "has no column 'nothing'" in lost.stderr


@pytest.mark.torch
@pytest.mark.usefixtures("scorers")
def test_captions_of_a_dataset(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    source = datasets_on_disk.parquet(tmp_path)
    given = ("caption", "--dataset", source, "--text-column", "caption,de=german", "--lang", "en,de", "--json")
    result = run(*given, "--neighbours-split", "test")
    english, german = lines(result)
    assert (english["language"], english["pictures"], english["references"]) == ("en", 4, 10)
    assert english["baseline_pool"] == "split test, 4 pictures"
    assert (german["language"], german["pictures"]) == ("de", 4)
    assert "left out row 5 of train: there is no picture in it" in result.stderr


@pytest.mark.torch
@pytest.mark.parametrize("form", datasets_on_disk.FORMS)
def test_scores_of_a_dataset(run: Run, tmp_path: Path, form: Callable[[Path], Path]) -> None:
    pytest.importorskip("datasets")
    source = form(tmp_path)
    captions = 10 if source.suffix == ".parquet" else 4  # there the first picture comes twice, and each has two
    total, _ = lines(run("foils", "--dataset", source, "--json"))
    assert total == {"kind": "all", "foils": captions, "pairwise": 100.0, "auroc_similarity": 1.0, "auroc_confidence": 1.0}
    [sure] = lines(run("confidence", "--dataset", source, "--size", 2, "--json"))
    assert (sure["size"], sure["searches"], sure["auroc"]) == (2, 2 * captions, 1.0)
    few = run("negation", "--dataset", source)
    assert few.exit_code == 1
    assert f"{source} makes no query" in few.stderr
    for name in ("foils", "negation", "confidence"):
        assert run(name, "--dataset", source, "--captions", source).exit_code == 2
        assert run(name, "--images", tmp_path).exit_code == 2


@pytest.mark.torch
def test_several_parts_of_a_dataset_are_one_gallery(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    for part, names in (("train", ("red", "green")), ("test", ("blue", "yellow"))):
        (tmp_path / "parts" / part).mkdir(parents=True)
        datasets_on_disk.imagefolder(tmp_path / "parts" / part, names)
    given = ("confidence", "--dataset", tmp_path / "parts", "--size", 3, "--json")
    assert lines(run(*given, "--split", "train,test"))[0]["size"] == 3
    assert run(*given, "--split", "train").exit_code == 1, "two pictures are too few for a gallery of three"


def test_datasets_and_files_do_not_mix(run: Run, zipped: Path, captions: Path) -> None:
    for arguments in (
        ("--images", zipped),
        ("--images", zipped, "--captions", captions, "--rows", 3),
        ("--dataset", zipped, "--captions", captions),
    ):
        assert run("retrieval", *arguments).exit_code == 2


def test_translate(run: Run, zipped: Path, tmp_path: Path) -> None:
    files = {"source": "a b c d\nx\ny\n", "references": "d c b a rot\nx\ny grün\n", "images": "red.jpg\n\ngreen.jpg\n"}
    for name, text in files.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    given = ("translate", "--source", "source.txt", "--references", "references.txt", "--from", "en", "--to", "de")
    [seeing] = lines(run(*given, "--images", "images.txt", "--images-dir", zipped, "--json"))
    assert list(seeing) == ["from", "to", "rows", "bleu", "chrf", "signature", "pictured"]
    assert (seeing["rows"], seeing["bleu"], seeing["pictured"]["right"]["rows"]) == (3, 100, 2)
    assert seeing["pictured"]["shuffled"]["chrf"] < 100
    [blind] = lines(run(*given, "--json"))
    assert blind["chrf"] < 100
    assert blind["pictured"] == {}
    assert "shuffled picture" in run(*given, "--images", "images.txt", "--images-dir", zipped).stdout
    lost = run(*given, "--images", "images.txt")
    assert lost.exit_code == 1
    assert "do not exist" in lost.stderr


@pytest.mark.torch
def test_sentences_of_a_dataset_are_translated(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    given = ("translate", "--dataset", datasets_on_disk.webdataset(tmp_path), "--from", "en", "--to", "de", "--json")
    [found] = lines(run(*given, "--text-column", "en=txt,de=german"))
    assert (found["rows"], {way: scores["rows"] for way, scores in found["pictured"].items()}) == (
        4, {"right": 4, "shuffled": 4, "none": 4},
    )  # fmt: skip
    unnamed = run(*given)
    assert unnamed.exit_code == 1
    assert "has no column 'en'" in unnamed.stderr
    assert run(*given, "--source", tmp_path / "x.txt").exit_code == 2
    assert run("translate", "--from", "en", "--to", "de").exit_code == 2


@pytest.mark.torch
def test_a_dataset_without_pictures_is_translated(run: Run, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    pairs = [{"en": "a b c d", "de": "d c b a"}, {"en": "e f g h", "de": "h g f e"}, {"en": "only", "de": None}]
    datasets.Dataset.from_dict({"translation": pairs}).to_parquet(str(tmp_path / "pairs.parquet"))
    [found] = lines(run("translate", "--dataset", "pairs.parquet", "--from", "en", "--to", "de", "--json"))
    assert (found["rows"], found["bleu"], found["pictured"]) == (2, 100.0, {})


def test_masked(run: Run, pictures: Path, write_table: Write) -> None:
    table = write_table(
        "masked.tsv", "image | masked_en | de_stems | fr_stems", "red.jpg | <mask> | rot | red", "blue.jpg | <mask> | blau | x"
    )
    german, french = lines(run("masked", "--table", table, "--images", pictures, "--json"))
    assert german == {"language": "de", "rows": 2, "right": 100.0, "shuffled": 0.0, "none": 0.0, "gain": 100.0, "gain_95": [100.0, 100.0]}
    assert french["right"] == 50
    assert run("masked", "--table", table, "--images", pictures, "--to", "de").stdout.splitlines()[1].split()[:5] == [
        "de", "100.0", "0.0", "0.0", "100.0",
    ]  # fmt: skip


def test_names(run: Run, zipped: Path, write_table: Write) -> None:
    labels = write_table("labels.tsv", "image | label", "red.jpg | red", "green.jpg | green", "blue.jpg | green")
    [result] = lines(run("names", "--images", zipped, "--labels", labels, "--json"))
    assert result == {"pictures": 3, "names": 2, **dict.fromkeys(NAMED, 100.0)}  # blue is as far from red as from green
    printed = run("names", "--images", zipped, "--labels", labels).stdout.splitlines()
    assert [line.split() for line in printed[1:4]] == [[way, "100.0", "100.0"] for way in ("texts", "searches", "unseen")]
    assert printed[4] == "100.0 % of 2 names find one of 3 photos."
    for given in (
        ("--images", zipped),
        ("--images", zipped, "--labels", labels, "--split", "test"),
        ("--labels", labels, "--dataset", "x"),
    ):
        assert run("names", *given).exit_code == 2


def test_looks(run: Run, zipped: Path, write_table: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = write_table("labels.tsv", "image | label", "red.jpg | fruit", "blue.jpg | sky", "green.jpg | leaf")
    assert "does not know what things look like" in run("looks", "--images", zipped, "--labels", labels).stderr
    monkeypatch.setattr("tests.fakes.FakeSpace.kinds", colour_kinds(), raising=False)
    [result] = lines(run("looks", "--images", zipped, "--labels", labels, "--json"))
    assert (result["pictures"], result["kinds"], result["top1"], result["top3"], result["unfamiliar"]) == (2, 4, 100.0, 100.0, 0)
    printed = run("looks", "--images", zipped, "--labels", labels).stdout.splitlines()
    assert [line.split() for line in printed[1:]] == [["all", "2", "100.0", "100.0", "0.0"], ["unfamiliar", "0", "0.0", "0.0"]]


@pytest.mark.torch
def test_names_of_a_dataset(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    for name in ("red", "green", "blue"):  # classes, which the library numbers
        (tmp_path / "classes" / name).mkdir(parents=True)
        (tmp_path / "classes" / name / "1.png").write_bytes(datasets_on_disk.png(name))
    assert lines(run("names", "--dataset", tmp_path / "classes", "--json")) == [{"pictures": 3, "names": 3, **dict.fromkeys(NAMED, 100.0)}]
    texts = datasets_on_disk.imagefolder(tmp_path)
    [result] = lines(run("names", "--dataset", texts, "--text-column", "text", "--rows", 2, "--json"))
    assert (result["pictures"], result["names"]) == (2, 2)
    assert "no column 'label'" in run("names", "--dataset", texts).stderr


def test_foils(run: Run, zipped: Path, captions: Path) -> None:
    given = ("foils", "--images", zipped, "--captions", captions)
    total, colours = lines(run(*given, "--json"))
    assert total == {"kind": "all", "foils": 8, "pairwise": 100.0, "auroc_similarity": 1.0, "auroc_confidence": 1.0}
    assert colours == {**total, "kind": "colours"}
    assert run(*given).stdout.splitlines()[1].split() == ["all", "100.0", "1.000", "1.000", "8"]
    nothing = run(*given, "--source", "b")  # there, captions are German
    assert nothing.exit_code == 1
    assert "concepts.yaml" in nothing.stderr


def test_negation(run: Run, pictures: Path, captions: Path, write_table: Write) -> None:
    too_few = run("negation", "--images", pictures, "--captions", captions)
    assert too_few.exit_code == 1
    assert "10 photos" in too_few.stderr
    rows = []
    for number in range(20):
        shutil.copy(pictures / ("yellow.webp" if number < 10 else "red.webp"), pictures / f"{number:02}.webp")
        rows.append(f"{number:02}.webp | en | a dog {'on grass' if number < 10 else ''}")
    table = write_table("dogs.tsv", "image | lang | caption", *rows)
    results = lines(run("negation", "--images", pictures, "--captions", table, "--json"))
    assert [result["way"] for result in results] == ["dog", "dog without snow", "dog --not snow"]
    assert {(result["queries"], result["pictures"]) for result in results} == {(1, 20)}
    assert "unwanted in 10" in run("negation", "--images", pictures, "--captions", table).stdout


def test_confidence(run: Run, zipped: Path, captions: Path, splits: Path, tmp_path: Path) -> None:
    given = ("confidence", "--images", zipped, "--captions", captions)
    [result] = lines(run(*given, "--size", 2, "--json"))
    assert list(result) == ["queries", "size", "searches", "auroc", "error", "first", "found", "refused", "bins"]
    assert (result["queries"], result["size"], result["searches"], result["auroc"]) == ("captions", 2, 16, 1.0)
    assert sum(group["count"] for group in result["bins"]) == 16
    both = ("--splits", splits, "--split", "test,train")
    assert run(*given, "--size", 2, "--size", 3).stdout.splitlines()[2].split()[:3] == ["captions", "3", "1.000"]
    assert len(lines(run(*given, *both, "--size", 3, "--json"))) == 1
    assert run(*given, "--size", 12).exit_code == 1  # four photos are too few for a gallery of twelve
    assert run(*given, "--split", "test").exit_code == 2


def test_confidence_plot(run: Run, zipped: Path, captions: Path, tmp_path: Path) -> None:
    given = ("confidence", "--images", zipped, "--captions", captions, "--size", 2)
    refused = run(*given, "--plot", "plot.txt")
    assert refused.exit_code == 1
    assert ".svg" in refused.stderr
    pytest.importorskip("matplotlib", reason="the extra `eval` is not installed")
    assert run(*given, "--plot", "plot.svg").exit_code == 0
    assert (tmp_path / "plot.svg").stat().st_size > 1000


def test_tables_refuse_a_document_without_markers_before_measuring(run: Run, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Hello\n", encoding="utf-8")
    result = run("tables", "--data", tmp_path, "--out", "README.md")
    assert result.exit_code == 1
    assert "tables:start" in result.stderr
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "# Hello\n"


def test_tables_are_put_between_the_markers(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmembed.evaluate.masked import MaskedScores
    from mmembed.evaluate.report import Tables

    masked = MaskedScores("de", 10, 50.0, 20.0, 10.0, 30.0, (10.0, 50.0))
    monkeypatch.setattr(
        "mmembed.evaluate.report.run_tables", lambda *_: Tables("mini", "mini-0", None, [], [], [], [masked], [], [], [], [])
    )
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- tables:start -->\nold\n<!-- tables:end -->\nafter\n", encoding="utf-8")
    [result] = lines(run("tables", "--data", tmp_path, "--out", "README.md", "--json"))
    assert result == {"table": "masked", "limit": None, **masked.as_dict(), "gain_95": [10.0, 50.0]}
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- tables:start -->")
    assert text.endswith("<!-- tables:end -->\nafter\n")
    assert "| en→de | 50.0 | 20.0 | 10.0 | 30.0 | 10.0 to 50.0 | 10 |" in text
    assert "old" not in text
