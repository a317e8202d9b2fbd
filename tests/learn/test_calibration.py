"""The fitted curve says what is so: on made-up numbers, and on a made-up space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmembed.evaluate.concepts import Concept, Concepts
from mmembed.learn.calibration import calibrate
from mmembed.learn.data import CaptionRow
from mmembed.presets import read_json
from mmembed.space.bundled import BundledSpace, Calibration

DIM = 16


class Noisy(BundledSpace):
    """A space whose pictures are random and whose texts are their picture plus noise; the background is random, too."""

    def __init__(self, vectors: dict[str, np.ndarray], background: np.ndarray) -> None:
        self.languages = ("en",)
        self._vectors, self.__dict__["_background"] = vectors, background
        self._folder = Path("nowhere")  # with no other parts

    def embed_texts(self, texts: object) -> np.ndarray:
        return np.array([self._vectors[text] for text in texts]).reshape(-1, DIM)  # type: ignore[attr-defined]


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_confidences_come_true_in_galleries_of_all_sizes() -> None:
    random = np.random.default_rng(1)
    pictures = unit(random.normal(size=(800, DIM)))
    texts = unit(pictures + 0.6 / DIM**0.5 * random.normal(size=pictures.shape) * 1.5)
    names = [f"picture{index}" for index in range(len(pictures))]
    space = Noisy(dict(zip(names, texts, strict=True)), unit(random.normal(size=(300, DIM))))
    rows = [CaptionRow(name, "en", "", name) for name in names]
    fitted = calibrate(space, names[:400], pictures[:400], rows, 400, random, concepts=Concepts({}, (), (), (), ()))
    assert fitted.slope > 0 > fitted.size
    space._calibration = fitted
    for size in (10, 100):
        stated, right = [], []
        for query in range(400, 800):
            others = random.permutation(np.delete(np.arange(400, 800), query - 400))[:size]
            for gallery in (np.r_[query, others[1:]], others):
                confidence = space.confidence(texts[query], pictures[gallery] @ texts[query])
                best = confidence.argmax()
                stated.append(confidence[best])
                right.append(gallery[best] == query)
        assert np.mean(stated) == pytest.approx(np.mean(right), abs=0.06), size


def test_words_count_as_much_as_captions() -> None:
    random = np.random.default_rng(2)
    pictures = unit(random.normal(size=(60, DIM)))
    names = [f"p{index}" for index in range(60)]
    rows = [CaptionRow(name, "en", "", "a dog" if index < 30 else "a car") for index, name in enumerate(names)]
    vectors = {"a dog": pictures[:30].mean(0), "a car": pictures[30:].mean(0), "dog": pictures[:30].mean(0)}
    space = Noisy({text: unit(vector) for text, vector in vectors.items()}, unit(random.normal(size=(100, DIM))))
    lists = Concepts({"things": {"dog": Concept(), "boat": Concept()}}, (), (), (), ("things",))
    with_words = calibrate(space, names, pictures, rows, 60, np.random.default_rng(0), lists)
    without = calibrate(space, names, pictures, rows, 60, np.random.default_rng(0), Concepts({}, (), (), (), ()))
    # Half of the pictures show a dog, so the word is found far more surely than one caption's own picture.
    among = np.array([1.5]), np.array([0.4]), 12
    assert with_words.probability(*among) > without.probability(*among)


def test_what_is_common_in_the_background_can_still_be_a_good_match() -> None:
    random = np.random.default_rng(3)
    common, rare = np.eye(2, DIM)
    names = [f"p{index}" for index in range(240)]
    owners = np.where(np.arange(240) < 90, 0, np.where(np.arange(240) < 110, 1, 2))
    pictures = unit(np.stack([common, rare, np.zeros(DIM)])[owners] + 0.15 * random.normal(size=(240, DIM)))
    rows = [CaptionRow(name, "en", "", ("a dog", "a boat", "")[owner]) for name, owner in zip(names, owners, strict=True) if owner < 2]
    lists = Concepts({"things": {"dog": Concept(), "boat": Concept()}}, (), (), (), ("things",))
    # Every second picture of the background shows a dog, so that one more hardly stands out among them; none shows a boat.
    background = unit(np.where(np.arange(400)[:, None] % 2, common, 0) + 0.15 * random.normal(size=(400, DIM)))
    space = Noisy({"a dog": common, "dog": common, "a boat": rare, "boat": rare}, background)
    fitted = calibrate(space, names, pictures, rows, 0, random, lists)  # no captions: words alone
    assert fitted.cosine > 0 and fitted.common == 0, "without a lexicon nothing is known to be common"
    dog, boat = (space.standardise(query[None], np.array([[0.8]]))[0] for query in (common, rare))
    assert dog < 2 < 4 < boat
    assert fitted.probability(dog, np.array([0.8]), 12) > 0.5


def test_of_common_things_more_match_among_more_pictures() -> None:
    random = np.random.default_rng(4)
    words = {f"word{index}": 0.2 if index % 2 else 0.01 for index in range(20)}
    shows = random.random((600, len(words))) < np.array([*words.values()])
    directions = unit(random.normal(size=(len(words), DIM)))
    pictures = unit(shows @ directions + 0.5 * random.normal(size=(600, DIM)))
    rows = [CaptionRow(f"p{index}", "en", "", " ".join(np.array([*words])[shown])) for index, shown in enumerate(shows)]
    lists = Concepts({"things": {word: Concept() for word in words}}, (), (), (), ("things",))
    space = Noisy(dict(zip(words, directions, strict=True)), pictures[400:])
    space.commonness = lambda texts: np.array([words[text] for text in texts])  # type: ignore[method-assign]
    fitted = calibrate(space, [row.picture for row in rows[:400]], pictures[:400], rows, 0, random, lists)
    assert fitted.size < -1 and 0.3 < fitted.common < -fitted.size


def test_nothing_to_fit_on() -> None:
    space = Noisy({}, np.eye(4, DIM))
    space.embed_texts = lambda texts: np.zeros((0, DIM))  # type: ignore[method-assign]
    fitted = calibrate(space, ["one"], np.eye(1, DIM), [], 10, np.random.default_rng(0))
    assert np.isfinite([fitted.slope, fitted.offset, fitted.size]).all()


def test_probabilities() -> None:
    curve = Calibration(2, -1, size=-0.5, cosine=3, common=0.3)

    def at(standardised: float, cosine: float, among: int, commonness: float = 0.0) -> float:
        return float(curve.probability(np.array([standardised]), np.array([cosine]), among, commonness)[0])

    assert at(1, 0, 1) == pytest.approx(1 / (1 + np.exp(-1)))
    assert at(1, 0.4, 1) == pytest.approx(1 / (1 + np.exp(-1 - 1.2)))
    assert at(1, 0, 10) == pytest.approx(1 / (1 + np.exp(-1 + 0.5 * np.log(10))))
    assert at(1, 0, 101, 0.2) == pytest.approx(1 / (1 + np.exp(-1 + 0.5 * np.log(101) - 0.3 * np.log(21))))
    assert at(1, 0, 1, 0.2) == at(1, 0, 1) == at(1, 0, 0, 0.2)
    assert curve.probability(np.array([-1000.0, 1000.0]), np.zeros(2), 0).tolist() == [0, 1]


def test_a_manifest_from_before_size_and_cosine_counted(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"slope": 2, "offset": -1}')
    curve: Calibration = read_json(tmp_path / "manifest.json", Calibration, "absent")
    assert curve.probability(np.array([0.5]), np.array([0.9]), 50) == 0.5
