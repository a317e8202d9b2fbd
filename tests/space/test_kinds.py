"""Kinds of things that a space knows by sight."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mmembed.space.kinds import Kinds, log_probabilities
from tests.fakes import FakeSpace, colour_kinds, colour_picture


def test_the_likeliest_kinds_come_first_and_a_name_comes_once() -> None:
    red, blue = FakeSpace().embed_pictures([colour_picture("red"), colour_picture("blue")])
    kinds = colour_kinds()
    assert kinds.likeliest(np.stack([red, blue]), 2).tolist() == [[0, 1], [3, 2]]
    assert kinds.looks_like(np.stack([red, blue]), "en", 2) == [("cherry", "rose"), ("sky", "rose")]
    assert kinds.looks_like(blue[None], "de", 3) == [("Abendhimmel", "Himmel", "Rose")]
    assert kinds.looks_like(blue[None], "en", 9) == [("sky", "rose", "cherry")], "there are no more"
    assert kinds.looks_like(blue[None], "fr") == [()]
    assert kinds.looks_like(np.zeros((0, 4), np.float32), "en") == []


def test_nouns_have_their_articles_where_there_are_some() -> None:
    pictures = FakeSpace().embed_pictures([colour_picture("red"), colour_picture("blue")])
    kinds = replace(colour_kinds(), articles={"de": ["eine", "eine", "", "ein"]})
    assert kinds.nouns(pictures, "de") == ["eine Kirsche", "ein Abendhimmel"]
    assert kinds.nouns(pictures, "en") == ["cherry", "sky"]
    assert kinds.nouns(np.zeros((0, 4), np.float32), "en") == []


def test_some_kinds_are_likelier_than_others_whatever_is_seen() -> None:
    red = FakeSpace().embed_pictures([colour_picture("red")])
    kinds = replace(colour_kinds(), offsets=np.array([0, 0, 2, 0], np.float32))
    assert kinds.likeliest(red, 2).tolist() == [[2, 0]]


def test_what_is_seen_in_usual_pictures_is_little_evidence() -> None:
    red, blue = (FakeSpace().embed_pictures([colour_picture(colour)]) for colour in ("red", "blue"))
    kinds = replace(colour_kinds(), offsets=np.zeros(4, np.float32))
    assert kinds.evidence(red).tolist() == [0], "what is usual is not known"
    cherry, sky = np.exp(log_probabilities(np.concatenate([red, blue]) @ kinds.vectors.T)).max(1)
    seen = replace(kinds, usual=np.log(np.array([0.5, 0.1, 0.1, 0.01], np.float32)))
    found = seen.evidence(np.concatenate([red, blue]))
    assert np.allclose(found, [np.log(cherry / 0.5), np.log(sky / 0.01)], atol=1e-5)


def test_probabilities_add_up_however_great_the_answers_are() -> None:
    assert np.allclose(np.exp(log_probabilities(np.array([[1e4, 1e4, -1e4], [0, 1, 2]], np.float32))).sum(1), 1)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    kinds = replace(colour_kinds(), offsets=np.array([0, 0.25, 2, 0], np.float32), usual=np.array([-1, -2, -3, -4], np.float32))
    kinds = replace(kinds, articles={"de": ["eine", "eine", "", "ein"]})
    kinds.save(tmp_path / "kinds.npz")
    read = Kinds.read(tmp_path / "kinds.npz")
    assert read.usual is not None and np.array_equal(read.usual, kinds.usual)
    assert np.allclose(read.vectors, kinds.vectors, atol=1e-3) and read.vectors.dtype == np.float32
    assert np.array_equal(read.offsets, kinds.offsets)
    assert (read.names, read.synonyms, read.articles) == (kinds.names, kinds.synonyms, kinds.articles)


def test_kinds_of_an_earlier_release_have_no_offsets(tmp_path: Path) -> None:
    kinds = colour_kinds()
    kinds.save(tmp_path / "kinds.npz")
    with np.load(tmp_path / "kinds.npz") as stored:
        np.savez(tmp_path / "before.npz", **{name: stored[name] for name in stored.files if name != "offsets"})
    read = Kinds.read(tmp_path / "before.npz")
    assert not read.offsets.any() and read.offsets.shape == (4,)
    assert read.synonyms == kinds.synonyms
