"""Nouns of WordNet: read right, and their pictures predicted from kin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("wordfreq")

from mmembed.errors import InvalidData
from mmembed.learn.nouns import NounStage, describe, learnable, predict
from mmembed.learn.wordnet import read_nouns
from tests.learn.wordnet import write_wordnet

pytestmark = pytest.mark.torch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_wordnet(tmp_path)
    return tmp_path


def embed(texts: Sequence[str]) -> np.ndarray:
    """Vectors that know nothing."""
    return np.ones((len(texts), 4), np.float16)


def test_nouns_have_names_definitions_and_ancestors(folder: Path) -> None:
    nouns = read_nouns(folder)
    seal = nouns["n00000005"]
    assert seal.names == ("fur seal", "seal")
    assert seal.gloss == "an animal that swims; it has fins"
    assert seal.ancestors == {"n00000005": 0, "n00000002": 1, "n00000001": 2}


def test_a_name_means_its_first_visible_sense_of_each_kind(folder: Path) -> None:
    nouns = read_nouns(folder)
    assert "seal" in nouns["n00000006"].names, "a seal for letters is an artifact, not an animal"
    assert nouns["n00000007"].names == (), "nobody sees approval"
    assert nouns["n00000008"].names == (), "the second animal of that name"


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"data\.noun and index\.noun"):
        read_nouns(tmp_path)


def test_kin_look_alike(folder: Path) -> None:
    nouns = read_nouns(folder)
    known, others = [nouns["n00000003"], nouns["n00000006"]], [nouns["n00000005"], nouns["n00000009"]]
    vectors = describe(known, others, ["dog", "seal", "seal", "hammer"], embed, 0.9)
    directions, unsure = predict(vectors, np.eye(2, dtype=np.float32), 0.1)
    assert np.allclose(np.linalg.norm(directions, axis=1), 1)
    assert directions[0, 0] > directions[0, 1], "a seal is an animal, like the dog"
    assert directions[1, 1] > directions[1, 0], "a hammer is an artifact"
    assert (unsure > 0).all() and (unsure < 1).all()


def test_what_is_known_best_is_learned_and_what_is_shown_is_not_learned_again(folder: Path) -> None:
    nouns = read_nouns(folder)
    shown = {"n00000003": np.array([1.0, 0.0], np.float32), "n00000006": np.array([0.0, 1.0], np.float32)}
    found = learnable(NounStage(count=9), nouns, shown, embed)
    names = {name for kind in found for name in kind.texts}
    assert {"hammer", "fur seal"} <= names
    assert "dog" not in names, "the classifier shows it"
    assert all(kind.texts[-1].count(": ") == 1 for kind in found), "the last text is the definition"
    assert len(learnable(NounStage(count=1), nouns, shown, embed)) == 1
    assert not learnable(NounStage(count=9, frequency=9.0), nouns, shown, embed), "no name is that frequent"
