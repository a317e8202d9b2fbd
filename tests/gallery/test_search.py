"""Searches with known answers, against a plain computation and against the traps: ties, negation, other weights."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from mmembed.errors import GalleryError, InvalidQuery
from mmembed.gallery import Gallery, Query, Term
from mmembed.gallery.matrix import Rows
from mmembed.gallery.search import Candidates, embed_query, nearest
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
