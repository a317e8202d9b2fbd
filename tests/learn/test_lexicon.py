"""What words look like, learned from captions of pictures and from parallel sentences."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from mmembed.learn.lexicon import LexiconConfig, Told, learn_lexicon

pytestmark = pytest.mark.torch
THINGS, COLOURS = ("dog", "cat", "boat", "tree"), ("red", "green", "blue")
CONFIG = LexiconConfig(steps=120, batch=64, rank=8)


def told(sentence: str, names: dict[str, str], seed: int) -> Told:
    """Sentences about a thing and a colour, four of each pair; a vector has an axis for each thing and colour, and noise."""
    random = np.random.default_rng(seed)
    pairs = [(thing, colour) for thing in range(4) for colour in range(3) for _ in range(4)]
    vectors = np.zeros((len(pairs), 10), np.float32)
    for row, (thing, colour) in enumerate(pairs):
        vectors[row, [thing, 4 + colour]] = 1
    vectors += random.normal(0, 0.2, vectors.shape).astype(np.float32)
    texts = [sentence.format(COLOURS[colour], names.get(THINGS[thing], THINGS[thing])) for thing, colour in pairs]
    return Told(texts, np.arange(len(pairs)), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_words_lie_where_the_pictures_lie_whose_captions_say_them() -> None:
    lexicon = learn_lexicon(CONFIG, {"en": [told("A {} {}.", {}, 0)]})
    assert lexicon is not None and lexicon.codes.shape == (8, 8)
    for number, name in enumerate(THINGS):
        assert lexicon.readings(name)[0].direction[:4].argmax() == number
    both = lexicon.readings("a green boat")[0].direction
    assert set(np.argsort(-both)[:2]) == {2, 5}


def test_a_language_learns_more_words_from_parallel_sentences() -> None:
    few = told("{} {}", {"dog": "Hund", "cat": "Katze", "boat": "Boot", "tree": "Baum"}, 1)
    shown = [row for row, text in enumerate(few.texts) if "Baum" not in text]
    captions = Told([few.texts[row] for row in shown], few.owners[: len(shown)], few.vectors[shown])
    meant = Told(few.texts, few.owners, (few.vectors + 0.3) / np.linalg.norm(few.vectors + 0.3, axis=1, keepdims=True))
    alone, both = learn_lexicon(CONFIG, {"de": [captions]}), learn_lexicon(CONFIG, {"de": [captions, meant]})
    assert alone is not None and both is not None
    assert alone.readings("Baum") == [] and both.readings("Baum")[0].direction[:4].argmax() == 3
    assert both.readings("Hund")[0].direction[:4].argmax() == 0


def test_without_words_that_are_said_often_there_is_none() -> None:
    one = Told(["A dog."], np.array([0]), np.eye(2, dtype=np.float32)[:1])
    assert learn_lexicon(CONFIG, {"en": [one]}) is None


def test_the_same_captions_make_the_same_lexicon() -> None:
    first, second = (learn_lexicon(CONFIG, {"en": [told("A {} {}.", {}, 0)]}) for _ in range(2))
    assert first is not None and second is not None and (first.codes == second.codes).all()
