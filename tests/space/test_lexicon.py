"""What the words of queries look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmembed.space.glossary import stems
from mmembed.space.lexicon import Lexicon

WORDS = {
    "en": stems("a dog runs snow hut", "en"),
    "de": stems("ein Hund rennt Hut", "de"),
    "zh": ["一", "只", "狗"],
}
RARITIES = [0.1, 2.0, 3.0, 3.0, 6.0, 0.1, 2.0, 3.0, 4.0, 0.1, 1.0, 2.0]
DOG, RUNS, SNOW, HUT, HAT = range(5)
SHOWN = [[], [DOG], [RUNS], [SNOW], [HUT], [], [DOG], [RUNS], [HAT], [], [], [DOG]]


@pytest.fixture
def lexicon() -> Lexicon:
    codes = np.zeros((len(SHOWN), 5), np.int8)
    for row, axes in enumerate(SHOWN):
        codes[row, axes] = 100
    return Lexicon(WORDS, np.array(RARITIES, np.float32), codes, np.full(len(SHOWN), 0.01, np.float32), np.eye(5, dtype=np.float32))


def test_a_text_lies_at_the_mean_of_its_words_the_rare_ones_counting_more(lexicon: Lexicon) -> None:
    (reading,) = lexicon.readings("A dog runs.")
    assert reading.direction == pytest.approx(np.array([2, 3, 0, 0, 0]) / np.sqrt(13), abs=1e-6)
    assert reading.share == pytest.approx(1, abs=0.01)


def test_forms_languages_and_scripts_say_the_same(lexicon: Lexicon) -> None:
    directions = [lexicon.readings(text)[0].direction for text in ("a dog", "dogs", "ein Hund", "Hunde", "狗", "一只狗")]
    assert all(direction[DOG] == pytest.approx(1) for direction in directions)


def test_unknown_words_take_from_the_share(lexicon: Lexicon) -> None:
    (known,), (half,) = lexicon.readings("a dog"), lexicon.readings("a dog barks")
    assert half.share == pytest.approx(2.1 / (2.1 + 7.0)) and half.share < known.share
    assert lexicon.readings("cheetah") == lexicon.readings("?!") == lexicon.readings("") == []
    (mixed,) = lexicon.readings("狗 barks loudly")
    assert mixed.share == pytest.approx(2 / (2 + 2 * 7.0)), "words in other letters are unknown in Chinese, too"


def test_a_word_of_two_languages_is_read_in_both_by_how_usual_it_is_there(lexicon: Lexicon) -> None:
    english, german = lexicon.readings("Hut")
    assert english.direction[HUT] == german.direction[HAT] == pytest.approx(1)
    assert german.share > english.share and english.share + german.share == pytest.approx(1)
    (german,) = lexicon.readings("ein Hut")
    assert german.direction[HAT] == pytest.approx(1)


def test_how_common_a_text_is_follows_from_its_words(lexicon: Lexicon) -> None:
    assert lexicon.commonness("a dog") == pytest.approx(np.exp(-2.1), rel=1e-5)
    assert lexicon.commonness("dog runs") == pytest.approx(np.exp(-5), rel=1e-5)
    assert lexicon.commonness("Hut") == pytest.approx(np.exp(-4), rel=1e-5), "in the language in which it is said most"
    assert lexicon.commonness("cheetah") == pytest.approx(np.exp(-7), rel=1e-5), "rarer than the rarest word"
    assert lexicon.commonness("") == lexicon.commonness("?!") == 0


def test_what_is_written_is_read(lexicon: Lexicon, tmp_path: Path) -> None:
    for name in ("first.npz", "second.npz"):
        lexicon.save(tmp_path / name)
    read = Lexicon.read(tmp_path / "first.npz")
    assert read.words == lexicon.words
    assert read.readings("ein Hund rennt")[0].direction == pytest.approx(lexicon.readings("ein Hund rennt")[0].direction, abs=1e-3)
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()
