"""Caption scores against the libraries called directly and against cases that can be computed by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mmembed.errors import InvalidData, MissingPackage, UnknownLanguage
from mmembed.evaluate import captions
from mmembed.evaluate.captions import Pool, ahead, caption_metrics, evaluate_captions, tokenise, tokenizer_name
from mmembed.evaluate.pictures import PictureFolder
from tests.fakes import fake_model

ENGLISH = {f"{name}.jpg": [name, f"a {name} wall"] for name in ("red", "green", "blue", "yellow")}


@pytest.fixture
def scorers() -> None:
    pytest.importorskip("pycocoevalcap.cider.cider", reason="the extra `eval` is not installed")


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "A man's tri-colored dog , running — fast.", "a man's tri-colored dog running fast"),
        ("de", "„Zwei“ Hunde, im Schnee!", "zwei hunde im schnee"),
        ("ar", "كلب، وقطة؟", "كلب وقطة"),
        ("zh", "两只狗,在雪地里。", "两 只 狗 在 雪 地 里"),
        ("en", " ... ", ""),
    ],
)
def test_words(language: str, text: str, words: str) -> None:
    assert tokenise([text], language) == [words]


def test_tokenizer_is_stated() -> None:
    assert "13a" in tokenizer_name("en")
    assert "characters" in tokenizer_name("zh")


@pytest.mark.usefixtures("scorers")
def test_identical_captions_score_full() -> None:
    texts = ["a red house on a hill", "two blue boats in the sea", "one green tree near a lake"]
    metrics = caption_metrics(texts, [[text] for text in texts], "en")
    # Each caption is its own only reference: the cosine of each of the four n-gram vectors is 1, and CIDEr-D scales by 10.
    assert metrics.cider == pytest.approx(1000)
    assert metrics.bleu4 == pytest.approx(100)
    assert metrics.rouge_l == pytest.approx(100)


@pytest.mark.usefixtures("scorers")
def test_cider_by_hand() -> None:
    # Two pictures, one reference each, unigrams only in common: idf is log 2 for a word that one picture has, 0 for both.
    metrics = caption_metrics(["red", "cat"], [["red car"], ["blue dog"]], "en")
    # "red" and "car" weigh the same, so the cosine of the unigram vectors is 1/√2; the reference has one bigram, the
    # caption none, so the length penalty is exp(-1 / (2 · 6²)); mean of 4 orders, 2 pictures, times 10, times 100.
    expected = (1 / math.sqrt(2)) * math.exp(-1 / 72) / 4 / 2 * 10 * 100
    assert metrics.cider == pytest.approx(expected, abs=0.01)


@pytest.mark.usefixtures("scorers")
def test_rouge_by_hand() -> None:
    metrics = caption_metrics(["a b c d", "x"], [["a x c"], ["y"]], "en")
    precision, recall, beta = 2 / 4, 2 / 3, 1.2
    assert metrics.rouge_l == pytest.approx(100 * (1 + beta**2) * precision * recall / (recall + beta**2 * precision) / 2, abs=0.01)


@pytest.mark.usefixtures("scorers")
def test_agrees_with_the_library_called_directly() -> None:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider

    given = ["a dog runs on the green grass", "a man rides a bike down the street", "two kids play in water"]
    wanted = [
        ["a dog runs over grass", "the dog is on the green grass"],
        ["a man on a bike rides down a street"],
        ["two kids play in the water"],
    ]
    metrics = caption_metrics([f"{text.upper()} !" for text in given], wanted, "en")
    truth, found = dict(enumerate(wanted)), {row: [text] for row, text in enumerate(given)}
    assert metrics.cider == pytest.approx(100 * Cider().compute_score(truth, found)[0], abs=0.01)
    assert metrics.bleu4 == pytest.approx(100 * Bleu(4).compute_score(truth, found, verbose=0)[0][3], abs=0.01)


@pytest.mark.usefixtures("scorers")
def test_bleu_agrees_with_sacrebleu() -> None:
    from sacrebleu.metrics import BLEU

    given = ["a black dog runs on the green grass", "a man rides a red bike down the long street"]
    wanted = [["a black dog runs over the green grass"], ["the man rides a red bike down the street"]]
    theirs = BLEU(tokenize="none", smooth_method="none").corpus_score(given, [[texts[0] for texts in wanted]]).score
    assert caption_metrics(given, wanted, "en").bleu4 == pytest.approx(theirs, abs=0.01)


@pytest.mark.usefixtures("scorers")
def test_one_picture_is_refused(pictures: Path) -> None:
    with pytest.raises(InvalidData, match="two pictures"):
        caption_metrics(["a"], [["a"]], "en")
    with PictureFolder(pictures) as folder, pytest.raises(InvalidData, match="two pictures"):
        evaluate_captions(fake_model(), folder, {"en": {"red.jpg": ["red"]}})


@pytest.mark.usefixtures("scorers")
def test_leave_one_out_never_copies_from_the_picture_itself(pictures: Path) -> None:
    with PictureFolder(pictures) as folder:
        [result] = evaluate_captions(fake_model(), folder, {"en": ENGLISH})
    assert (result.pictures, result.references, result.distinct) == (4, 8, 100)
    assert result.baseline_pool.startswith("leave-one-out")
    assert result.metrics.rouge_l == 100  # the fake model writes the colour, which is one of the references
    # Red and green are nearest to yellow, blue to any of the others, and none of them is called the same.
    assert result.nearest_neighbour.cider == 0
    assert result.as_dict()["cider"] == result.metrics.cider


@pytest.mark.usefixtures("scorers")
def test_pool_and_languages(pictures: Path) -> None:
    german = {"red.jpg": ["rot", "rote Wand"], "blue.jpg": ["blau"]}
    with PictureFolder(pictures) as folder:
        pool = Pool("the same pictures", folder, {"en": ENGLISH, "de": german})
        english, deutsch = evaluate_captions(fake_model(), folder, {"en": ENGLISH, "de": german}, pool)
    assert english.baseline_pool == "the same pictures"
    assert english.nearest_neighbour == english.metrics  # each picture is its own neighbour, and its first caption is the colour
    assert (deutsch.language, deutsch.pictures, deutsch.references) == ("de", 2, 3)
    assert deutsch.metrics.rouge_l == 100
    assert english.through_english is None
    assert deutsch.through_english is not None
    assert deutsch.through_english.rouge_l == 0  # the fake model's translation is the word turned round, still in English


@pytest.mark.usefixtures("scorers")
def test_how_far_one_way_is_ahead_of_another() -> None:
    random = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(60)])
    truth = [" ".join(random.choice(words, 8)) for _ in range(200)]
    worse = [" ".join([*text.split()[:5], "x", "y", "z"]) for text in truth]
    half = [a if random.random() < 0.5 else b for a, b in zip(truth, worse, strict=True)]
    references = [[text] for text in truth]
    low, high = ahead(truth, worse, references, "en")
    exact = caption_metrics(truth, references, "en").cider - caption_metrics(worse, references, "en").cider
    assert 0 < low < exact < high
    assert ahead(worse, truth, references, "en") == pytest.approx((-high, -low), abs=0.02)
    assert ahead(half, half, references, "en") == (0, 0)
    low, high = ahead(truth, half, references, "en")
    assert 0 < low < high < exact


@pytest.mark.usefixtures("scorers")
def test_unserved_language(pictures: Path) -> None:
    with PictureFolder(pictures) as folder, pytest.raises(UnknownLanguage, match="'fr'"):
        evaluate_captions(fake_model(), folder, {"fr": ENGLISH})
    with PictureFolder(pictures) as folder, pytest.raises(InvalidData, match="'de'"):
        evaluate_captions(fake_model(), folder, {"de": ENGLISH}, Pool("empty", folder, {"en": ENGLISH}))


def test_missing_scorer_names_the_extra(monkeypatch: pytest.MonkeyPatch, pictures: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pycocoevalcap.cider.cider", None)
    with PictureFolder(pictures) as folder, pytest.raises(MissingPackage, match=r"mmembed\[eval\]"):
        evaluate_captions(fake_model(), folder, {"en": ENGLISH})
    with pytest.raises(MissingPackage):
        captions.caption_metrics(["a", "b"], [["a"], ["b"]], "en")
