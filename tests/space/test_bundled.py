"""The bundled space as a user meets it: real weights, odd inputs."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmembed.errors import InvalidQuery
from mmembed.media.picture import Picture
from mmembed.media.samples import sample_photos
from mmembed.space.base import certainty, commonness, embed_queries, knows_pictures, worded
from mmembed.space.bundled import LEXICON
from mmembed.space.lexicon import Lexicon
from mmembed.space.text import MAX_PIECES
from tests.bundled import WEIGHTS, mini, needs_weights

pytestmark = needs_weights


def photo(name: str) -> Picture:
    for path in sample_photos():
        if path.name == name:
            return Picture.open(path, mini().space.picture_size)
    pytest.skip(f"{name} is in a package that is not installed")


def noise(height: int, width: int) -> Picture:
    return Picture.from_array(np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_vectors_have_unit_length_and_the_promised_shape() -> None:
    space = mini().space
    for vectors in (space.embed_texts(["a dog", "chien"]), space.embed_pictures([noise(50, 60), noise(60, 50)])):
        assert vectors.shape == (2, space.dim)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert space.embed_texts([]).shape == space.embed_pictures([]).shape == (0, space.dim)


def test_a_text_has_the_same_vector_whatever_it_is_embedded_with() -> None:
    texts = ["a dog", "two women in red dresses are walking along a very long beach at sunset", "一只狗", "قطة", "d"]
    space = mini().space
    together = space.embed_texts(texts)
    alone = np.concatenate([space.embed_texts([text]) for text in texts])
    assert (together * alone).sum(1).min() > 0.9999


def test_a_picture_has_the_same_vector_whatever_it_is_embedded_with() -> None:
    pictures = [noise(80, 100), noise(30, 300), noise(260, 260)]
    space = mini().space
    together = space.embed_pictures(pictures)
    alone = np.concatenate([space.embed_pictures([picture]) for picture in pictures])
    assert (together * alone).sum(1).min() > 0.9999


def test_pictures_like_those_trained_on_are_told_from_others() -> None:
    space = mini().space
    assert knows_pictures(space)
    known = np.load(WEIGHTS / "background.npy").astype(np.float32)
    strange = space.embed_pictures([noise(80, 100), noise(260, 260)])
    familiarity = space.familiarity(np.concatenate([known, strange]))
    assert familiarity.shape == (len(known) + 2,) and familiarity.dtype == np.float32
    bound = mini().captioning.unfamiliar_below
    assert (familiarity[:-2] >= bound).mean() > 0.9
    assert (familiarity[-2:] < bound).all()
    assert mini().caption_vectors(strange, ["en"])[0][0].doubtful


def test_a_picture_unlike_those_trained_on_looks_like_what_it_shows() -> None:
    for name, languages in {
        "chelsea.png": {"en": "tabby cat", "de": "getigerte Katze"},
        "cheetah1.jpg": {"en": "cheetah", "fr": "guépard"},
    }.items():
        vectors = mini().space.embed_pictures([photo(name)])
        for language, kind in languages.items():
            [caption] = mini().caption_vectors(vectors, [language])[0]
            assert caption.unfamiliar and kind in caption.looks_like and len(caption.looks_like) == 3


def test_a_caption_of_such_a_picture_says_so() -> None:
    vectors, model = mini().space.embed_pictures([photo("cheetah1.jpg")]), mini()
    for language, text in {
        "en": "A photo of a cheetah.",
        "de": "Auf dem Foto ist ein Gepard zu sehen.",
        "fr": "La photo montre un guépard.",
        "cs": "Gepard na fotografii.",
        "zh": "一张猎豹的照片。",
        "ar": "صورة فهد.",
    }.items():
        assert model.caption_vectors(vectors, [language])[0][0].text == text
    silent = replace(model, captioning=replace(model.captioning, naming=None))
    assert "cheetah" not in silent.caption_vectors(vectors, ["en"])[0][0].text


def test_vectors_do_not_depend_on_the_number_of_threads() -> None:
    from mmembed.bundle import read_manifest
    from mmembed.space.bundled import BundledSpace

    manifest = read_manifest(WEIGHTS)
    size, calibration = manifest.picture_size, manifest.calibration
    spaces = [BundledSpace(WEIGHTS, "mini", "", manifest.dim, manifest.languages, size, calibration, threads) for threads in (1, 3)]
    for one, three in zip(
        *((*space.embed_texts(["a dog", "一只狗"]), *space.embed_pictures([noise(80, 100)])) for space in spaces), strict=True
    ):
        assert one @ three > 0.9999


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="empty"):
        mini().space.embed_texts(["a dog", text])


@pytest.mark.parametrize("text", ["🐶", "?!", "Ein 狗 في the park 🏞️", "Привет, мир", "\u200b.", "ﬁﬁ ½ ①"])
def test_odd_texts_have_finite_vectors(text: str) -> None:
    assert np.isfinite(mini().space.embed_texts([text])).all()


def test_a_long_text_is_cut_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=f"longer than {MAX_PIECES} pieces"):
        vector = mini().space.embed_texts(["a dog runs " * 2000])
    assert np.isfinite(vector).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mini().space.embed_texts(["a dog runs " * 5])


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1), (3, 3)])
def test_tiny_and_extreme_pictures_have_finite_vectors(shape: tuple[int, int]) -> None:
    assert np.isfinite(mini().space.embed_pictures([noise(*shape)])).all()


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("motorcycle_left.png", "a motorcycle", "a cat"),
        ("motorcycle_left.png", "ein Motorrad", "eine Katze"),
        ("chelsea.png", "a cat", "a motorcycle"),
        ("chelsea.png", "kočka", "motocykl"),
    ],
)
def test_words_are_nearer_to_what_a_photo_shows(name: str, right: str, wrong: str) -> None:
    picture = mini().space.embed_pictures([photo(name)])[0]
    near, far = mini().space.embed_texts([right, wrong]) @ picture
    assert near > far + 0.02


def test_confidence_is_a_probability_that_grows_with_the_similarity() -> None:
    space = mini().space
    similarities = np.linspace(-1, 1, 21, dtype=np.float32)
    confidence = space.confidence(space.embed_texts(["a dog on the beach"])[0], similarities)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert (np.diff(confidence) >= 0).all()
    assert confidence[-1] > 0.9 > 0.1 > confidence[10]


def test_among_many_pictures_a_common_thing_is_found_more_surely_than_a_rare_one() -> None:
    space = mini().space
    dog, hund, chameleon, sentence = commonness(space, ["a dog", "ein Hund", "a chameleon", "a brown dog runs on the beach"])
    assert dog > 0.1 and hund > 0.1 and 0 < chameleon < 0.001 and sentence < 0.001
    vector, similarity = space.embed_texts(["a dog"])[0], np.array([0.4], np.float32)
    few, many, of_common = (space.confidence(vector, similarity, among, share)[0] for among, share in ((5, 0), (300, 0), (300, dog)))
    assert many < of_common < few
    assert space.confidence(vector, similarity, 1, dog) == space.confidence(vector, similarity)


def test_words_look_like_what_they_are_said_of() -> None:
    space = mini().space
    dog, hund, both, unknown = worded(space, ["a dog", "ein Hund", "a dog xylotomous", "xylotomous"])
    assert np.linalg.norm(dog) <= 1.0001 and not unknown.any()
    assert dog @ hund > 0.4 * np.linalg.norm(dog) * np.linalg.norm(hund)
    assert np.linalg.norm(both) < np.linalg.norm(dog), "half a text known is little"


def test_the_identity_names_the_weights() -> None:
    from mmembed.bundle import digest_of, read_manifest

    assert read_manifest(WEIGHTS).digest == digest_of(WEIGHTS)
    assert mini().space.identity == f"mini-{digest_of(WEIGHTS)}"


def test_the_bundle_is_small(tmp_path: Path) -> None:
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 80e6


def test_a_query_that_names_a_kind_is_turned_towards_what_is_known_by_sight() -> None:
    space = mini().space
    cheetah = space.embed_pictures([photo("cheetah1.jpg")])[0]
    for name in ("cheetah", "guépards", "gepard"):
        text, query = space.embed_texts([name])[0], embed_queries(space, [name])[0]
        assert np.isclose(np.linalg.norm(query), 1, atol=1e-5) and query.dtype == np.float32
        similarities = np.array([[text @ cheetah], [query @ cheetah]])
        plain, sighted = space.standardise(np.stack([text, query]), similarities)[:, 0]  # type: ignore[attr-defined]
        assert sighted > plain + 1, name
    assert np.array_equal(embed_queries(space, ["xyzzy"]), space.embed_texts(["xyzzy"])), "no caption says it, and no kind is called so"
    assert embed_queries(space, []).shape == (0, space.dim)
    with pytest.raises(InvalidQuery):
        embed_queries(space, [" "])


def test_what_is_not_known_by_sight_is_found_by_what_it_looks_like() -> None:
    space = mini().space
    assert space.kinds is not None
    cheetahs = [kind for kind, names in enumerate(space.kinds.synonyms) if "cheetah" in names]
    blind = space.without(cheetahs)
    pictures = space.embed_pictures([photo(name) for name in ("cheetah1.jpg", "chelsea.png", "motorcycle_left.png", "coffee.png")])
    for name in ("cheetah", "Gepard"):
        [known], [told] = (embed_queries(one, [name]) @ pictures.T for one in (space, blind))
        assert known.argmax() == told.argmax() == 0, "leopards tell it"
        assert told[0] > 2 * told[1:].max() and not np.allclose(known, told)
    assert np.array_equal(embed_queries(blind, ["lion"]), embed_queries(space, ["lion"]))


def test_a_query_for_what_is_no_kind_is_turned_towards_what_it_looks_like() -> None:
    space = mini().space
    assert space.kinds is not None and space.kinds.likenesses is not None
    for names in (("moose", "Elch", "驼鹿"), ("pine cone", "Tannenzapfen", "松果")):
        texts, queries = space.embed_texts(names), embed_queries(space, names)
        assert np.linalg.norm(queries - texts, axis=1).min() > 0.5
        assert (queries @ queries.T).min() > (texts @ texts.T).min(), "in all languages it looks alike"


def test_what_is_told_by_other_kinds_is_less_sure() -> None:
    space = mini().space
    known = certainty(space, ["a dog", "a cheetah", "moose", "a brown moose", "xyzzy"])
    assert known.tolist() == pytest.approx([1, 1, 0.7, 0.9, 1])
    assert space.kinds is not None
    assert certainty(space.without(range(len(space.kinds.vectors))), ["cheetah"])[0] == pytest.approx(0.7)


def test_a_french_word_means_nothing_english_in_a_french_query() -> None:
    space = mini().space
    [motorcycle] = space.embed_pictures([photo("motorcycle_left.png")])
    assert embed_queries(space, ["une moto rouge"])[0] @ motorcycle > 0.5, "rouge is make-up in English"


def test_a_query_goes_by_what_its_words_look_like_too() -> None:
    space = mini().space
    lexicon = Lexicon.read(WEIGHTS / LEXICON)
    for text in ("a dog runs on the beach", "ein Hund rennt am Strand", "un chien court sur la plage", "一只狗在沙滩上奔跑"):
        plain, query, [reading] = space.embed_texts([text])[0], embed_queries(space, [text])[0], lexicon.readings(text)
        assert reading.share > 0.95
        assert query @ reading.direction > plain @ reading.direction + 0.05, text
        assert query @ plain > 0.8, text
