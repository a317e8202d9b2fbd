"""The derived file finds nearly what the exact search finds, follows every change, and is never needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmembed.gallery import Filters, Gallery, Query, Term, approximate
from mmembed.gallery.store import Content, NewPath
from tests.fakes import FakeSpace

pytest.importorskip("faiss")

DIM = 32


class Wide(FakeSpace):
    dim = DIM


def made_up(rng: np.random.Generator, count: int) -> np.ndarray:
    """Unit vectors in clusters, as real ones are."""
    centres = np.random.default_rng(0).standard_normal((40, DIM))
    vectors = centres[rng.integers(0, 40, count)] + 0.4 * rng.standard_normal((count, DIM))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def add(gallery: Gallery, vectors: np.ndarray, name: str) -> None:
    contents = [Content(f"{name}{row}", 1, 40, 30 if row % 2 else 60, None, vector) for row, vector in enumerate(vectors)]
    paths = [NewPath(f"/p/{one.fingerprint}", one.fingerprint, 1, 1) for one in contents]
    gallery.store.write(gallery.space.identity, contents, paths)


def found(gallery: Gallery, vector: np.ndarray, k: int = 20, filters: Filters | None = None) -> list[str]:
    return [hit.item.fingerprint for hit in gallery.search(Query((Term(vector),), filters or Filters()), k)]


def exactly(gallery: Gallery, vector: np.ndarray, k: int = 20) -> list[str]:
    items, vectors = gallery.vectors()
    return [items[row].fingerprint for row in np.argsort(-(vectors @ vector), kind="stable")[:k]]


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    monkeypatch.setattr(approximate, "LARGE", 2000)
    monkeypatch.setattr(approximate, "_FEW", 50)
    gallery = Gallery(tmp_path / "g", Wide())
    add(gallery, made_up(np.random.default_rng(1), 4000), "a")
    gallery._approximate.bring_up_to_date()
    return gallery


def files(gallery: Gallery) -> list[Path]:
    return sorted(file for file in gallery.path.iterdir() if "vectors-" in file.name)


def test_it_finds_nearly_what_an_exact_search_finds(large: Gallery) -> None:
    assert [file.suffix for file in files(large)] == [".faiss", ".json"]
    queries = made_up(np.random.default_rng(2), 30)
    shares = [len({*found(large, query)} & {*exactly(large, query)}) / 20 for query in queries]
    assert np.mean(shares) > 0.9
    hit = large.search(Query((Term(queries[0]),)), 1)[0]
    items, vectors = large.vectors()
    assert hit.similarity == pytest.approx(float(vectors[items.index(hit.item)] @ queries[0]), abs=1e-6), "scores are exact"


def test_the_vectors_stay_on_the_disk(large: Gallery) -> None:
    with Gallery(large.path, Wide()) as again:
        assert len(found(again, made_up(np.random.default_rng(3), 1)[0])) == 20
        assert len(again._matrix._rows.ids) == 0


def test_new_and_removed_pictures_count_at_once(large: Gallery) -> None:
    query = made_up(np.random.default_rng(4), 1)[0]
    first = found(large, query, 1)[0]
    large.remove([f"/p/{first}"])
    assert first not in found(large, query)
    add(large, query[None], "new")
    assert found(large, query, 1) == ["new0"]
    large.remove(["/p/new0"])
    assert "new0" not in found(large, query)


def test_filters_are_kept(large: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    query = made_up(np.random.default_rng(5), 1)[0]
    portraits = Filters(orientation="portrait")
    got = found(large, query, 20, portraits)
    assert len(got) == 20 and all(int(name[1:]) % 2 == 0 for name in got)
    monkeypatch.setattr(approximate, "_FEW", 10_000)
    assert len({*got} & {*found(large, query, 20, portraits)}) >= 15


def test_it_is_made_again_when_it_is_old_and_others_notice(large: Gallery) -> None:
    with Gallery(large.path, Wide()) as other:
        query = made_up(np.random.default_rng(6), 1)[0]
        found(other, query)
        before = files(large)
        add(large, made_up(np.random.default_rng(7), 500), "b")
        large._approximate.bring_up_to_date()
        assert files(large) == before, "an eighth more is no reason"
        add(large, made_up(np.random.default_rng(8), 500), "c")
        large._approximate.bring_up_to_date()
        assert files(large) != before and len(files(large)) == 2
        assert len({*found(other, query)} & {*exactly(large, query)}) > 15
        assert len(other._approximate._since.rows().ids) == 0


@pytest.mark.parametrize("damage", ["none", "cut", "other", "no faiss"])
def test_without_the_file_the_search_is_exact(large: Gallery, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    query = made_up(np.random.default_rng(9), 1)[0]
    data, description = files(large)
    if damage == "none":
        data.unlink()
    elif damage == "cut":
        data.write_bytes(data.read_bytes()[:1000])
    elif damage == "other":
        description.write_text("{}")
    else:
        monkeypatch.setattr(approximate, "find_spec", lambda name: None)
    with Gallery(large.path, Wide()) as again:
        assert found(again, query) == exactly(again, query)
        again._approximate.bring_up_to_date()


def test_small_galleries_have_none(tmp_path: Path) -> None:
    with Gallery(tmp_path / "small", Wide()) as gallery:
        add(gallery, made_up(np.random.default_rng(1), 100), "a")
        gallery._approximate.bring_up_to_date()
        assert files(gallery) == []
