"""The bundled decoder as a user meets it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mmembed.bundle import load_bundle
from mmembed.errors import InvalidQuery, UnknownLanguage
from mmembed.generate.bundled import BundledDecoder
from mmembed.media.picture import Picture
from mmembed.space.base import kinds_of
from tests.bundled import WEIGHTS, mini, needs_weights
from tests.space.test_bundled import noise, photo

pytestmark = needs_weights


def test_captions_are_written_in_the_language_asked_for() -> None:
    model = mini()
    texts = {language: model.caption([photo("motorcycle_left.png")], language)[0].text for language in model.decoder.caption_languages}
    assert len(set(texts.values())) == len(texts)
    assert "motorcycle" in texts["en"].lower()
    assert "motor" in texts["de"].lower()
    assert any("\u4e00" <= letter <= "\u9fff" for letter in texts["zh"])
    assert any("\u0600" <= letter <= "\u06ff" for letter in texts["ar"])


def test_a_caption_does_not_depend_on_its_batch_mates() -> None:
    pictures = [photo("chelsea.png"), noise(100, 100), photo("motorcycle_left.png")]
    together = mini().caption(pictures, "en")
    assert [caption.text for caption in together] == [mini().caption([picture], "en")[0].text for picture in pictures]


def test_alternatives_differ_and_the_similarity_is_the_cosine() -> None:
    model, picture = mini(), photo("chelsea.png")
    caption = model.caption([picture], "en", count=4)[0]
    assert len({caption.text, *caption.alternatives}) == 4
    cosine = float(model.space.embed_pictures([picture])[0] @ model.space.embed_texts([caption.text])[0])
    assert caption.similarity == pytest.approx(cosine, abs=1e-4)


@pytest.mark.parametrize(("to", "words"), [("de", ("hund",)), ("fr", ("chien",)), ("cs", ("pes", "psa", "psi"))])
def test_translation_knows_a_dog(to: str, words: tuple[str, ...]) -> None:
    translation = mini().translate(["A brown dog is running on the beach."], to=to)[0]
    assert any(word in translation.text.lower() for word in words), translation.text
    assert not translation.grounded


def test_a_picture_is_looked_at_where_there_is_one() -> None:
    texts = ["A red <mask>."] * 2
    seen, read = mini().translate(texts, to="de", pictures=[photo("motorcycle_left.png"), None])
    assert seen.grounded
    assert not read.grounded
    assert "motorrad" in seen.text.lower()
    assert "motorrad" not in read.text.lower()


def test_nothing_in_nothing_out() -> None:
    assert mini().caption([], "en") == []
    assert mini().translate([], to="de") == []


def test_what_cannot_be_done_is_said() -> None:
    model = mini()
    with pytest.raises(UnknownLanguage, match="'sv'"):
        model.caption([noise(9, 9)], "sv")
    with pytest.raises(UnknownLanguage, match="'zh'"):
        model.translate(["a dog"], to="zh")
    with pytest.raises(InvalidQuery, match="empty"):
        model.translate(["a dog", " "], to="de")
    with pytest.raises(InvalidQuery, match="2 texts but 1"):
        model.translate(["a", "b"], to="de", pictures=[Picture.from_array(np.zeros((2, 2, 3), np.uint8))])


def test_captions_and_translations_have_a_decoder_each(tmp_path: Path) -> None:
    decoder, prefix = mini().decoder, np.load(WEIGHTS / "background.npy")[:1].astype(np.float32)
    assert isinstance(decoder, BundledDecoder)
    assert decoder._networks(None) is not decoder._networks(["a dog"])
    shutil.copytree(WEIGHTS, tmp_path / "one", ignore=lambda folder, names: ["captions", "kinds.npz"])
    one = load_bundle(None, tmp_path / "one")
    assert one.decoder.generate(prefix, None, "en") != decoder.generate(prefix, None, "en")
    assert one.decoder.generate(None, ["A dog runs."], "de") == decoder.generate(None, ["A dog runs."], "de")
    assert kinds_of(one.space) is None and kinds_of(mini().space) is not None
    strange = one.caption([photo("cheetah1.jpg")], "en")[0]
    assert strange.unfamiliar and strange.looks_like == ()
    assert one.preset.size_mb < load_bundle(None, WEIGHTS).preset.size_mb - 9
