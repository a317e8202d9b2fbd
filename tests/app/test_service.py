import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmembed.app.labels import read_settings
from mmembed.app.questions import Question
from mmembed.app.service import Service
from mmembed.errors import GalleryError, InvalidQuery, UnknownLanguage, UnreadablePicture
from mmembed.gallery.items import Hit
from mmembed.generate.base import Style
from tests.fakes import fake_model


@pytest.fixture
def service(gallery: Path):
    with Service(gallery, fake_model) as made:
        yield made


def _fingerprint(service: Service, name: str) -> str:
    return next(item.fingerprint for item in service.gallery().items() if item.paths[0].stem == name)


def test_the_model_is_loaded_once_and_only_when_it_is_needed(gallery: Path) -> None:
    loaded = []

    def load():
        loaded.append(threading.current_thread().name)
        return fake_model()

    with Service(gallery, load) as service:
        assert loaded == []
        service.warm_up().join()
        service.search(Question("red", count=3))
        service.search(Question("blue", count=3))
    assert loaded == ["load-model"]


def test_a_model_that_cannot_be_loaded_fails_where_it_is_asked_for(gallery: Path) -> None:
    def load():
        raise GalleryError("no weights")

    with Service(gallery, load) as service:
        service.warm_up().join()
        with pytest.raises(GalleryError, match="no weights"):
            service.search(Question("red", count=3))


def test_a_search_counts_its_likely_matches(service: Service) -> None:
    found = service.search(Question("red", count=3))
    assert found.hits[0].item.paths[0].stem == "red"
    assert len(found.hits) == 3
    assert (found.likely, found.total) == (1, 5)
    assert len(service.search(Question("red", count=3, likely_only=True)).hits) == 1


def test_nothing_matches_a_colour_that_is_not_there(service: Service) -> None:
    assert service.search(Question("purple", count=3)).likely == 0


def test_a_picture_can_be_the_question(service: Service, pictures: Path) -> None:
    assert service.search(Question(like=pictures / "blue.png", count=1)).hits[0].item.paths[0].stem == "blue"
    assert service.search(Question(item=_fingerprint(service, "green"), count=1)).hits[0].item.paths[0].stem == "green"


def test_pages_follow_each_other_until_there_are_no_more(service: Service) -> None:
    pages = [service.search(Question("red", count=2), page) for page in (1, 2, 3)]
    assert [[len(page.hits), page.more] for page in pages] == [[2, True], [2, True], [1, False]]
    together = pages[0].and_then(pages[1]).and_then(pages[2])
    assert len({hit.item.fingerprint for hit in together.hits}) == 5
    assert (together.likely, together.seen, together.more, together.page) == (1, 5, False, 3)


def test_what_is_left_out_as_unlikely_has_no_further_pages(service: Service) -> None:
    found = service.search(Question("purple", count=2, likely_only=True))
    assert (found.hits, found.seen, found.more) == ((), 2, False)


def test_filters_leave_photos_out_and_say_so(service: Service, pictures: Path) -> None:
    assert not service.search(Question("red", count=5)).filtered
    found = service.search(Question("red", count=5, folder=str(pictures / "nowhere")))
    assert (found.hits, found.filtered, found.total) == ((), True, 5)
    assert len(service.search(Question("red", count=5, folder=str(pictures), orientation="landscape")).hits) == 5
    assert service.search(Question("red", count=5, orientation="portrait")).hits == ()
    assert service.search(Question("red", count=5, since="2019")).hits == ()
    assert service.folders() == [str(pictures)]


def test_photos_are_found_among_those_whose_caption_holds_words(service: Service) -> None:
    service.caption_item(_fingerprint(service, "white"), ["en"], 1)
    found = service.search(Question("red", count=5, caption="white"))
    assert [hit.item.paths[0].stem for hit in found.hits] == ["white"]


def test_near_identical_photos_are_one_hit_with_the_others_in_it(tmp_path: Path) -> None:
    for number, shade in enumerate((255, 254)):
        Image.new("RGB", (32, 32), (shade, 0, 0)).save(tmp_path / f"{number}.png")
    with Service(None, fake_model) as service:
        service.index(str(tmp_path))
        assert len(service.search(Question("red")).hits) == 2
        [hit] = service.search(Question("red", fold=True)).hits
        assert len(hit.similar) == 1


def test_what_is_unwanted_sinks_and_commas_separate_it(service: Service) -> None:
    def confidences(without: str) -> dict[str, float]:
        return {hit.item.paths[0].stem: hit.confidence for hit in service.search(Question("yellow", without=without, count=5)).hits}

    plain, without = confidences(""), confidences("yellow, ، white")
    assert without["yellow"] < 0.1 < plain["yellow"]
    assert without["white"] < plain["white"]
    assert without["red"] > 0.5 * plain["red"]


def test_likely_matches_come_before_more_similar_pictures_that_are_unwanted(service: Service, monkeypatch) -> None:
    hits = [Hit(item, 1 - row / 10, float(row == 3)) for row, item in enumerate(service.gallery().items())]
    monkeypatch.setattr("mmembed.gallery.Gallery.search", lambda *_: hits)
    assert service.search(Question("anything", count=5)).hits == (hits[3], *hits[:3], hits[4])


@pytest.mark.parametrize("text", ["", "  ", None])
def test_a_search_for_nothing_is_refused(service: Service, text: str | None) -> None:
    with pytest.raises(InvalidQuery, match="needs a text or a picture"):
        service.search(Question(text))


def test_too_long_a_text_is_refused_with_the_limit(service: Service) -> None:
    limit = read_settings().text_characters
    for call in (
        lambda text: service.search(Question(text)),
        lambda text: service.search(Question("red", without=text)),
        lambda text: service.search(Question("red", caption=text)),
        lambda text: service.translate(text, None, "de", None, 1),
    ):
        with pytest.raises(InvalidQuery, match=f"{limit + 1} characters; the limit is {limit}"):
            call("x" * (limit + 1))


def test_a_damaged_upload_is_named_as_such(service: Service, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    for call in (
        lambda: service.search(Question(like=damaged)),
        lambda: service.caption(damaged, ["en"], 1),
        lambda: service.translate("a", None, "de", damaged, 1),
    ):
        with pytest.raises(UnreadablePicture, match=r"^The picture cannot be read: .*\.$"):
            call()


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(service: Service, tmp_path: Path, monkeypatch) -> None:
    large = tmp_path / "large.png"
    Image.new("1", (20_000, 6_000)).save(large)
    monkeypatch.setattr("mmembed.media.picture.Picture.open", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(UnreadablePicture, match="120 million pixels; the limit here is 100 million"):
        service.caption(large, ["en"], 1)


def test_a_caption_of_a_gallery_picture_is_kept_with_it(service: Service, pictures: Path) -> None:
    fingerprint = _fingerprint(service, "blue")
    captions = service.caption_item(fingerprint, ["de", "en"], 2)
    assert [(caption.text, caption.alternatives) for caption in captions] == [("blau", ("blau!",)), ("blue", ("blue!",))]
    assert all(caption in service.captions(fingerprint) for caption in captions)
    before = len(service.captions(fingerprint))
    service.caption(pictures / "blue.png", ["en"], 1)
    assert len(service.captions(fingerprint)) == before


def test_a_caption_needs_a_picture_and_a_language_the_model_writes(service: Service, pictures: Path) -> None:
    with pytest.raises(InvalidQuery, match="picture first"):
        service.caption(None, ["en"], 1)
    with pytest.raises(UnknownLanguage, match="'xx'"):
        service.caption(pictures / "red.png", ["en", "xx"], 1)


def test_a_caption_has_the_length_asked_for_or_is_refused(service: Service, pictures: Path) -> None:
    with pytest.raises(InvalidQuery, match="fewest words are more than the most"):
        service.caption(pictures / "red.png", ["en"], 1, Style(shortest=5, longest=4))
    assert service.caption(pictures / "red.png", ["en"], 1, Style(shortest=5))[0].text == "red"


def test_who_wrote_it_is_the_model_unless_it_says_another(service: Service, pictures: Path) -> None:
    caption = service.caption(pictures / "red.png", ["en"], 1)[0]
    assert service.writer(caption) == "fake"
    assert service.writer(replace(caption, written_by="blip-base in English, then opus-mt")) == "blip-base in English, then opus-mt"


def test_the_model_in_use_comes_first_and_what_is_here_before_what_is_not(monkeypatch) -> None:
    monkeypatch.setattr("mmembed.app.service.is_ready", lambda preset: preset.name in ("mini", "opus-mt"))
    with Service(None, lambda: fake_model("siglip2-base+opus-mt")) as service:
        models = service.models()
    assert {one.preset.name for one in models if one.used} == {"siglip2-base", "opus-mt"}
    assert [one.preset.name for one in models[:3]] == ["opus-mt", "siglip2-base", "mini"]
    assert models[0].roles == ("translator",)


def test_models_are_listed_even_if_none_can_be_loaded() -> None:
    def load():
        raise GalleryError("no weights")

    with Service(None, load) as service:
        models = service.models()
    assert "mini" in {one.preset.name for one in models}
    assert not any(one.used for one in models)


def test_candidates_are_bounded(service: Service, pictures: Path) -> None:
    assert len(service.caption(pictures / "red.png", ["en"], 10_000)[0].alternatives) == read_settings().most_alternatives - 1


def test_a_translation_with_a_picture_is_compared_with_the_words_alone(service: Service, pictures: Path) -> None:
    translated = service.translate("one two", "en", "de", pictures / "red.png", 1)
    assert translated.best.grounded
    assert translated.best.text == "two one rot"
    assert translated.plain is not None
    assert (translated.plain.grounded, translated.plain.text) == (False, "two one")
    space = service.model().space
    picture = service.picture(_fingerprint(service, "red"), space.picture_size)
    expected = space.embed_pictures([picture])[0] @ space.embed_texts(["two one"])[0]
    assert translated.plain.similarity == pytest.approx(float(expected), abs=1e-6)


def test_a_translation_without_a_picture_stands_alone(service: Service) -> None:
    translated = service.translate("one two", None, "fr", None, 1)
    assert (translated.best.text, translated.plain) == ("two one", None)


def test_a_translation_needs_a_text_and_two_languages(service: Service) -> None:
    with pytest.raises(InvalidQuery, match="nothing to translate"):
        service.translate("  ", None, "de", None, 1)
    with pytest.raises(InvalidQuery, match="two different languages"):
        service.translate("a", "de", "de", None, 1)


def test_indexing_fills_the_gallery_while_it_is_open_and_reports_progress(pictures: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    with Service(tmp_path / "new.mm", fake_model) as service:
        assert service.size() == 0
        assert service.search(Question("red", count=3)).hits == ()
        report = service.index(str(pictures), lambda done, total, message: steps.append((done, total)))
        assert (report.embedded, service.size()) == (5, 5)
        assert service.search(Question("red", count=1)).hits[0].item.paths[0].stem == "red"
    assert steps[-1] == (5, 5)


def test_indexing_refuses_what_is_no_folder_and_where_it_is_switched_off(gallery: Path, pictures: Path) -> None:
    with Service(gallery, fake_model) as service:
        with pytest.raises(GalleryError, match="no folder"):
            service.index(str(pictures / "nowhere"))
        with pytest.raises(GalleryError, match="path of a folder"):
            service.index("  ")
    with Service(gallery, fake_model, may_index=False) as closed, pytest.raises(GalleryError, match="switched off"):
        closed.index(str(pictures))


def test_only_folders_that_may_be_indexed_are(gallery: Path, pictures: Path, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    (allowed / "below").mkdir(parents=True)
    Image.new("RGB", (32, 32), "red").save(allowed / "below" / "red.png")
    (tmp_path / "elsewhere").mkdir()
    (allowed / "link").symlink_to(tmp_path / "elsewhere")
    with Service(tmp_path / "new.mm", fake_model, index_roots=[allowed]) as service:
        for refused in (tmp_path, tmp_path / "elsewhere", allowed / ".." / "elsewhere", allowed / "link", "/no/such/folder", pictures):
            with pytest.raises(GalleryError, match="only these folders") as said:
                service.index(str(refused))
            assert str(allowed) in str(said.value)
        assert service.index(str(allowed / "below")).embedded == 1
    with Service(gallery, fake_model, index_roots=()) as service:
        assert service.index(str(pictures)).unchanged == 5
        with pytest.raises(GalleryError, match="only these folders"):
            service.index(str(pictures.parent))


def test_a_gallery_without_a_folder_is_forgotten_at_the_end(pictures: Path) -> None:
    with Service(None, fake_model) as service:
        service.index(str(pictures))
        folder = service.folder
        assert folder.is_dir()
    assert not folder.exists()


def test_a_gallery_made_with_other_weights_is_named(gallery: Path) -> None:
    with Service(gallery, lambda: fake_model(digest="1")) as service, pytest.raises(GalleryError, match="again"):
        service.search(Question("red", count=3))


def test_only_pictures_of_the_gallery_can_be_reached(service: Service, tmp_path: Path) -> None:
    outside = tmp_path / "secret.png"
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(outside)
    with pytest.raises(GalleryError):
        service.picture(str(outside), 32)


def test_a_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (32, 32), "red").save(folder / "red.png")
    with Service(tmp_path / "photos.mm", fake_model) as service:
        service.index(str(folder))
        (folder / "red.png").unlink()
        with pytest.raises(UnreadablePicture, match="no longer"):
            service.picture(_fingerprint(service, "red"), 32)
