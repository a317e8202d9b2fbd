"""Searches with known answers, against a plain computation and against the traps: ties, negation, other weights."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmembed.errors import GalleryError, InvalidQuery
from mmembed.gallery import Filters, Gallery, Query, Term
from mmembed.gallery.matrix import Rows
from mmembed.gallery.search import _GLANCE, _LIKE_IT, Candidates, embed_query, nearest
from mmembed.gallery.sheet import contact_sheet, write_sheet
from mmembed.gallery.store import Changes
from mmembed.generate.base import Caption
from mmembed.media.picture import Picture
from tests.fakes import FakeSpace, colour_picture, fake_model
from tests.gallery.conftest import Paint


class Angles(FakeSpace):
    """Texts are given vectors; for searches in matrices of one's own."""

    dim = 16

    def __init__(self, **texts: np.ndarray) -> None:
        super().__init__()
        self.texts = texts

    def embed_texts(self, texts):  # type: ignore[no-untyped-def]
        return np.array([self.texts[text] for text in texts], np.float32)


def search(space: FakeSpace, matrix: np.ndarray, query: Query, k: int) -> Candidates:
    return nearest(space, Rows(np.arange(len(matrix)), matrix), embed_query(space, query), k)


def stems(gallery: Gallery, query: str | Query, k: int = 20) -> list[str]:
    return [hit.item.paths[0].stem for hit in gallery.search(query, k)]


@pytest.fixture
def colours(gallery: Gallery, photos: Path, paint: Paint) -> Gallery:
    for colour in ("red", "green", "blue", "yellow", "white"):
        paint(f"{colour}.png", colour)
    gallery.index([photos])
    return gallery


def test_words_find_their_colours(colours: Gallery) -> None:
    for colour in ("red", "green", "blue", "yellow", "white"):
        (hit,) = colours.search(colour, 1)
        assert hit.item.paths[0].stem == colour
        assert hit.similarity > 0.99 and 0.9 < hit.confidence <= 1
    hits = colours.search("red")
    assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)
    assert hits[-1].confidence < 0.1


def test_a_picture_finds_itself_and_words_and_pictures_add_up(colours: Gallery, photos: Path) -> None:
    red = Picture.open(photos / "red.png", 32)
    assert stems(colours, Query.of(like=[red]), 1) == ["red"]
    assert stems(colours, Query.of("green", like=[red]), 1) == ["yellow"]


def test_without_pushes_down_what_matches_and_nothing_else(colours: Gallery) -> None:
    query = Query.of("red green", without=["green"])
    assert stems(colours, "red green", 1) == ["yellow"]
    assert stems(colours, query, 1) == ["red"]
    plain = {hit.item.paths[0].stem: hit for hit in colours.search("red green")}
    hits = {hit.item.paths[0].stem: hit for hit in colours.search(query)}
    assert hits["green"].similarity == pytest.approx(plain["green"].similarity - 0.5, abs=1e-4)
    assert hits["red"].similarity == pytest.approx(plain["red"].similarity, abs=2e-3)
    assert hits["green"].confidence < 0.1 * plain["green"].confidence
    assert hits["red"].confidence == pytest.approx(plain["red"].confidence, rel=1e-4)
    assert all(0 <= hit.confidence <= 1 for hit in hits.values())


def test_weights_shift_the_balance(colours: Gallery) -> None:
    assert stems(colours, Query((Term("red", 3.0), Term("blue", 0.1))), 1) == ["red"]
    assert stems(colours, Query((Term("red", 0.1), Term("blue", 3.0))), 1) == ["blue"]
    assert stems(colours, Query((Term("red"), Term("blue", 0.0))), 1) == ["red"]


@pytest.mark.parametrize("k", [1, 7, 500, 1000])
def test_the_best_k_are_those_of_a_full_sort(k: int) -> None:
    rng = np.random.default_rng(k)
    matrix = rng.standard_normal((500, 16)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    query = matrix[3] * 0.5 + matrix[4]
    query /= np.linalg.norm(query)
    found = search(Angles(word=query), matrix, Query.of("word"), k)
    similarities = matrix @ query
    assert found.ids.tolist() == list(np.argsort(-similarities, kind="stable")[:k])
    assert np.allclose(found.similarities, np.sort(similarities)[::-1][:k], atol=1e-6)


def test_equals_come_in_the_order_of_rows() -> None:
    matrix = np.eye(16, dtype=np.float32)[[1, 0, 0, 0, 0]]
    found = search(Angles(word=matrix[1]), matrix, Query.of("word"), 4)
    assert found.ids.tolist() == [1, 2, 3, 4]


def test_a_term_counts_by_its_weight_not_its_length() -> None:
    first, second = np.eye(16, dtype=np.float32)[:2]
    query = Query((Term("first"), Term("second", 0.5)))
    found = search(Angles(first=first, second=second), np.stack([first, second]), query, 2)
    assert found.similarities.tolist() == pytest.approx([2 / 5**0.5, 1 / 5**0.5])


class Telling(Angles):
    """Remembers how common it was told that things are."""

    def __init__(self, **texts: np.ndarray) -> None:
        super().__init__(**texts)
        self.told: list[Any] = []

    def commonness(self, texts):  # type: ignore[no-untyped-def]
        return np.array([{"dog": 0.25, "beach": 0.1, "snow": 0.05}[text] for text in texts], np.float32)

    def confidence(self, query, similarities, among=None, commonness=0.0):  # type: ignore[no-untyped-def]
        self.told.append((among, pytest.approx(commonness)))
        return super().confidence(query, similarities, among, commonness)


def test_confidences_know_how_common_words_are() -> None:
    dog, beach, snow = np.eye(16, dtype=np.float32)[:3]
    space = Telling(dog=dog, beach=beach, snow=snow)
    search(space, np.eye(16, dtype=np.float32), Query((Term("dog"), Term("beach"), Term("snow", -1.0))), 2)
    assert space.told == [(16, 0.25 * 0.1), (_GLANCE, 0.05)]
    space.told.clear()
    search(space, np.eye(16, dtype=np.float32), Query((Term("dog"), Term(beach))), 2)
    assert space.told == [(16, 0.25 * _LIKE_IT)]


def test_what_is_told_by_what_it_looks_like_is_less_sure() -> None:
    class Doubting(Angles):
        def certainty(self, texts):  # type: ignore[no-untyped-def]
            return np.array([0.7 if text == "moose" else 1 for text in texts], np.float32)

    ox, moose, snow = np.eye(16, dtype=np.float32)[:3]
    space, rows = Doubting(ox=ox, moose=moose, snow=snow), np.eye(16, dtype=np.float32)

    def confidence(space: Angles, *terms: Term) -> float:
        return float(search(space, rows, Query(terms), 1).confidences[0])

    for terms, known in (((Term("moose"),), (Term("ox"),)), ((Term("moose"), Term(snow)), (Term("ox"), Term(snow)))):
        assert confidence(space, *terms) == pytest.approx(0.7 * confidence(space, *known))
    surely = confidence(Angles(ox=ox, moose=moose), Term("ox"), Term("moose", -1.0)) / confidence(space, Term("ox"))
    assert confidence(space, Term("ox"), Term("moose", -1.0)) / confidence(space, Term("ox")) == pytest.approx(1 - 0.7 * (1 - surely))


def test_k_and_empty_queries_are_checked(colours: Gallery) -> None:
    for query, k in (("red", 0), ("red", -1)):
        with pytest.raises(InvalidQuery, match="at least 1"):
            colours.search(query, k)
    with pytest.raises(InvalidQuery):
        colours.search("  ")
    with pytest.raises(InvalidQuery):
        colours.search(Query.of(without=["red"]))
    assert len(colours.search("red", 1000)) == 5


def test_an_empty_gallery_has_no_hits(gallery: Gallery) -> None:
    assert gallery.search("red") == [] and len(gallery) == 0
    items, vectors = gallery.vectors()
    assert items == [] and vectors.shape == (0, 4)


def test_a_model_serves_as_well_as_its_space(tmp_path: Path, photos: Path, paint: Paint) -> None:
    paint("a.png")
    with Gallery(tmp_path / "g", fake_model()) as gallery:
        gallery.index([photos])
        assert len(gallery.search("red")) == 1


def test_other_weights_are_named_and_nothing_is_destroyed(colours: Gallery) -> None:
    with Gallery(colours.path, FakeSpace(digest="1")) as other:
        for refused in (lambda: other.search("red"), other.vectors):
            with pytest.raises(GalleryError, match="no vectors of fake-1.*fake-0.*mmembed index"):
                refused()
        assert len(other.items()) == 5
    assert len(colours.search("red")) == 5


def test_what_another_process_indexed_is_found_at_once(colours: Gallery, photos: Path, paint: Paint) -> None:
    assert len(colours.search("red")) == 5
    paint("more.png", "red", 5)
    with Gallery(colours.path, FakeSpace()) as other:
        other.index([photos])
        assert len(colours.search("red")) == 6
        (photos / "more.png").unlink()
        other.index([photos])
    assert len(colours.search("red")) == 5


def test_the_matrix_is_loaded_once(colours: Gallery, monkeypatch: pytest.MonkeyPatch, photos: Path) -> None:
    first = colours.vectors()[1]
    colours.index([photos])
    assert colours.vectors()[1] is first, "an indexing run that found nothing new"
    assert not first.flags.writeable


def test_many_threads_search_while_one_indexes(colours: Gallery, photos: Path, paint: Paint) -> None:
    wrong: list[BaseException] = []
    stop = threading.Event()

    def ask() -> None:
        try:
            while not stop.is_set():
                assert colours.search("red", 1)[0].similarity > 0.99
                assert colours.search(Query.of(like=[colour_picture("blue")]), 1)[0].similarity > 0.99
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(5):
        paint(f"more{number}.png", "yellow", number + 1)
        colours.index([photos])
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(colours) == 10


def test_pages_go_on_where_the_last_one_ended(colours: Gallery) -> None:
    every = stems(colours, "red")
    assert [stem for start in (0, 2, 4, 6) for stem in (hit.item.paths[0].stem for hit in colours.search("red", 2, start))] == every
    with pytest.raises(InvalidQuery, match="cannot begin"):
        colours.search("red", 2, -1)


def test_a_vector_is_a_term(colours: Gallery) -> None:
    items, vectors = colours.vectors()
    for item, vector in zip(items, vectors, strict=True):
        (hit,) = colours.search(Query((Term(vector),)), 1)
        assert hit.item == item and hit.similarity == pytest.approx(1, abs=1e-5)
    with pytest.raises(InvalidQuery, match="has 4 numbers"):
        colours.search(Query((Term(np.ones(3, np.float32)),)))


@pytest.fixture
def various(gallery: Gallery, photos: Path) -> Gallery:
    """Red pictures of many shapes and times, and one blue."""
    sizes = {"wide": (60, 20), "tall": (20, 60), "even": (41, 40), "large": (400, 300)}
    for number, (name, size) in enumerate(sizes.items()):
        folder = photos / ("album" if number % 2 else "album2")
        folder.mkdir(exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = 1
        exif.get_ifd(0x8769)[0x9003] = f"20{18 + number}:07:14 10:20:30"
        Image.new("RGB", size, (255, number, 0)).save(folder / f"{name}.png", exif=exif)
    Image.new("RGB", (60, 20), "blue").save(photos / "album" / "timeless.png")
    gallery.index([photos])
    return gallery


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), {"wide", "tall", "even", "large", "timeless"}),
        (Filters(orientation="landscape"), {"wide", "large", "timeless"}),
        (Filters(orientation="portrait"), {"tall"}),
        (Filters(orientation="square"), {"even"}),
        (Filters(shorter_side=40), {"even", "large"}),
        (Filters(since=datetime(2019, 1, 1)), {"tall", "even", "large"}),
        (Filters(until=datetime(2019, 7, 14, 10, 20, 31)), {"wide", "tall"}),
        (Filters(since=datetime(2019, 1, 1), until=datetime(2020, 1, 1), orientation="portrait"), {"tall"}),
        (Filters(caption="red wall"), {"wide"}),
        (Filters(caption="***"), set()),
        (Filters(folder=Path("album")), {"tall", "large", "timeless"}),
        (Filters(folder=Path("alb")), set()),
    ],
)
def test_filters(various: Gallery, photos: Path, filters: Filters, expected: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos)
    wide = next(item for item in various.items() if item.paths[0].stem == "wide")
    various.add_caption(wide.fingerprint, Caption("a red wall", "en", 0, 0))
    assert set(stems(various, Query.of("red", filters=filters))) == expected
    if "timeless" in expected:
        assert stems(various, Query.of("blue", filters=filters), 1) == ["timeless"]


def test_an_unknown_orientation_is_refused() -> None:
    with pytest.raises(InvalidQuery, match="landscape, portrait or square"):
        Filters(orientation="round")


def test_near_identical_pictures_are_folded_into_the_best(gallery: Gallery, photos: Path, paint: Paint) -> None:
    for number in range(5):
        paint(f"red{number}.png", "red", number)
    paint("blue.png", "blue", 300)
    paint("yellow.png", "yellow", 400)
    gallery.index([photos])
    first, second, third = gallery.search("red", 5, folded=True)
    assert [hit.item.paths[0].stem for hit in (second, third)] == ["yellow", "blue"]
    assert {item.paths[0].stem for item in (first.item, *first.similar)} == {f"red{number}" for number in range(5)}
    assert [hit.item for hit in gallery.search("red", 1, 1, folded=True)] == [second.item], "pages count groups"
    assert all(hit.similar == () for hit in gallery.search("red"))


def test_captions_lift_what_they_name(colours: Gallery) -> None:
    items = {item.paths[0].stem: item for item in colours.items()}
    before = stems(colours, "red bicycle")
    colours.add_caption(items["blue"].fingerprint, Caption("a bicycle on a red wall", "en", 0, 0))
    assert before[0] == "red" and before.index("blue") > 1
    lifted = colours.search("red bicycle")
    assert lifted[0].item == items["blue"]
    assert [hit.item.paths[0].stem for hit in lifted[1:]] == [stem for stem in before if stem != "blue"]
    assert stems(colours, "red car") == before, "a caption without all the words does nothing"
    assert stems(colours, Query.of("red bicycle", filters=Filters(shorter_side=9999))) == []


def test_words_that_most_captions_hold_tell_nothing(gallery: Gallery, photos: Path, paint: Paint) -> None:
    for number in range(30):
        paint(f"{number:02}.png", "red", number)
    gallery.index([photos])
    for item in gallery.items():
        gallery.add_caption(item.fingerprint, Caption(f"a wall number{item.paths[0].stem}", "en", 0, 0))
    assert gallery.store.captioned("a wall", 99) == []
    assert stems(gallery, "a number17", 1) == ["17"]


def test_a_deep_ranking_is_the_same_on_every_page(gallery: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmembed.gallery.gallery.DEPTH", 10)
    monkeypatch.setattr("mmembed.gallery.ranking.DEPTH", 10)
    for number in range(40):
        paint(f"{number:02}.png", "red", 6 * number)
    gallery.index([photos])
    last = gallery.search("red", 40)[-1].item
    gallery.add_caption(last.fingerprint, Caption("red bicycle", "en", 0, 0))
    every = stems(gallery, "red bicycle", 40)
    assert last.paths[0].stem in every[:2] and len(set(every)) == 40
    pages = [gallery.search("red bicycle", 7, start) for start in range(0, 40, 7)]
    assert [hit.item.paths[0].stem for page in pages for hit in page] == every


def test_new_vectors_are_read_alone(colours: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    changes = colours.store.changes

    def counting(*arguments: Any) -> Changes:
        found = changes(*arguments)
        read.append(len(found.ids))
        return found

    monkeypatch.setattr(colours.store, "changes", counting)
    rows = colours._matrix.rows()
    kept = rows.vectors.copy()
    for number in range(3):
        paint(f"new{number}.png", "red", number + 1)
        colours.index([photos])
        assert len(colours.search("red", 99)) == 6 + number
    (photos / "blue.png").unlink()
    colours.index([photos])
    assert "blue" not in stems(colours, "blue", 99) and len(colours._matrix.rows().ids) == 7
    assert read == [5, 1, 1, 1, 0]
    assert (rows.vectors == kept).all() and len(rows.ids) == 5
    with Gallery(colours.path, FakeSpace()) as fresh:
        items, vectors = fresh.vectors()
        mine = dict(zip((item.fingerprint for item in colours.vectors()[0]), colours.vectors()[1], strict=True))
        assert all((mine[item.fingerprint] == vector).all() for item, vector in zip(items, vectors, strict=True))


def test_a_contact_sheet_shows_every_hit(colours: Gallery, photos: Path, tmp_path: Path) -> None:
    hits = colours.search("red")
    (photos / "green.png").unlink()
    sheet = contact_sheet(hits)
    pixels = {pixel for _, pixel in sheet.getcolors(sheet.width * sheet.height)}
    assert {(255, 0, 0), (0, 0, 255), (255, 255, 0)} <= pixels and (0, 255, 0) not in pixels
    write_sheet(hits, tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").size == sheet.size
    for name in ("none/sheet.png", "sheet.unknown"):
        with pytest.raises(GalleryError, match="cannot be written"):
            write_sheet(hits, tmp_path / name)
    assert contact_sheet([]).width > 0
