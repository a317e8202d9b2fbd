"""Pictures that are no files: rows that stream in, from a dataset on a hub for one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mmembed.errors import InvalidData
from mmembed.gallery import Filters, Gallery, Query, indexing
from mmembed.gallery.items import IndexReport, Row
from mmembed.gallery.places import name_of_part, name_of_row
from mmembed.gallery.upkeep import check
from tests.datasets_on_disk import png
from tests.fakes import FakeSpace

PLACE = name_of_part("owner/name", "train", "image")


def rows(*contents: bytes | None, place: str = PLACE) -> list[Row]:
    return [Row(name_of_row(place, number), content) for number, content in enumerate(contents)]


def test_rows_are_embedded_once_and_leave_when_they_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    space = FakeSpace()
    with Gallery(tmp_path / "g", space) as gallery:
        first = rows(png("red"), png("blue"), b"bad", png("red"), None, png("green"))
        report = gallery.index_rows(PLACE, iter(first))
        assert (report.found, report.embedded, report.reused, report.unchanged) == (6, 3, 1, 0)
        assert [(lost.path.name, lost.known) for lost in report.skipped] == [("00000002", False), ("00000004", False)]
        report = gallery.index_rows(PLACE, iter(first))
        assert (report.found, report.unchanged, report.embedded, report.removed) == (6, 4, 0, 0)
        assert all(lost.known for lost in report.skipped)
        assert space.embedded == 3
        (hit,) = gallery.search("blue", 1)
        assert str(hit.item.paths[0]) == name_of_row(PLACE, 1)
        assert gallery.has_path(hit.item.paths[0])
        assert check(gallery.store).missing == ()
        away = [*first[:3], Row(first[3].name, None, "the hub does not answer"), *first[4:]]
        report = gallery.index_rows(PLACE, away)
        assert (report.unchanged, report.removed) == (3, 0), "what cannot be had now is not gone"
        assert str(report.skipped[1].reason) == "the hub does not answer"
        report = gallery.index_rows(PLACE, rows(png("red"), png("white")))
        assert (report.unchanged, report.embedded, report.removed, len(gallery)) == (1, 1, 2, 2), report
        assert gallery.store.failures_below([PLACE]) == {}


def test_parts_are_apart_from_each_other_and_from_folders(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "red.png").write_bytes(png("red"))
    other = name_of_part("owner/name", "test", "image")
    with Gallery(tmp_path / "g", FakeSpace()) as gallery:
        gallery.index_rows(PLACE, rows(png("red"), png("blue")))
        gallery.index_rows(other, rows(png("green"), place=other))
        gallery.index([tmp_path / "photos"])
        assert (len(gallery), gallery.store.count_paths()) == (3, 4)
        assert [root.name for root in gallery.roots()] == [str(tmp_path / "photos")]
        found = gallery.search(Query.of("blue", filters=Filters(folder=Path("hf:/datasets/owner/name/test"))))
        assert [str(hit.item.paths[0]) for hit in found] == [name_of_row(other, 0)]
        with pytest.raises(InvalidData, match="There is nothing in"):
            gallery.index_rows(PLACE, [])
        assert gallery.remove([Path("hf:/datasets/owner/name/train")]) == 2
        assert len(gallery) == 2


class Half:
    """One of two processes, whose other reports as it is told to."""

    size, threads = 2, 1

    def __init__(self, leads: bool, other: Sequence[IndexReport] = ()) -> None:
        self.leads, self._other = leads, list(other)

    def takes(self, name: str) -> bool:
        return (int(name[-1]) % 2 == 0) == self.leads

    def reports(self, own: IndexReport) -> list[IndexReport]:
        return [own, *self._other]


def test_each_of_two_processes_takes_its_share_and_one_removes(tmp_path: Path) -> None:
    contents = [png(name) for name in ("red", "green", "blue", "yellow")]
    with Gallery(tmp_path / "g", FakeSpace()) as gallery:
        follower = gallery.index_rows(PLACE, rows(*contents), team=Half(False))
        assert (follower.found, follower.embedded, len(gallery)) == (2, 2, 2)
        leader = gallery.index_rows(PLACE, rows(*contents), team=Half(True, [follower]))
        assert (leader.found, leader.embedded, len(gallery)) == (4, 4, 4)
        follower = gallery.index_rows(PLACE, rows(*contents[:2]), team=Half(False))
        assert (follower.unchanged, follower.removed, len(gallery)) == (1, 0, 4)
        leader = gallery.index_rows(PLACE, rows(*contents[:2]), team=Half(True, [follower]))
        assert (leader.unchanged, leader.removed, len(gallery)) == (2, 2, 2)
