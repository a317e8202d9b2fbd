from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from mmembed.errors import InvalidData
from mmembed.learn.classes import ClassRow, class_directions, kinds_seen, pseudo_pictures, read_classes

pytestmark = pytest.mark.torch
TABLE = """class\tsynset\tsynonyms\ten\tde\ten_caption\tde_caption
0\tn01514668\tcock, rooster\trooster\tHahn\tA rooster crows.\tEin Hahn kräht.
1\tn03452741\tgrand piano, grand\tgrand piano\tFlügel\tA grand piano shines.\tEin Flügel glänzt.
2\tn02088364\tbeagle\tbeagle\tBeagle\tA beagle, a small dog, barks.\tEin Beagle bellt.
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "classes.tsv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_a_held_out_word_takes_its_classes_and_captions_along(table: Path) -> None:
    rows = read_classes(table, ("en", "de"), {"piano", "dog"})
    assert [row.index for row in rows] == [0, 2]
    assert rows[0].texts == ["rooster", "Hahn", "A rooster crows.", "Ein Hahn kräht."]
    assert rows[1].texts == ["beagle", "Beagle", "beagle", "Beagle"]


def test_nothing_is_held_out_by_part_of_a_word(table: Path) -> None:
    assert len(read_classes(table, ("en",), {"pian", "eagle"})) == 3


def test_all_held_out_is_an_error(table: Path) -> None:
    with pytest.raises(InvalidData, match="held out"):
        read_classes(table, ("en",), {"piano", "rooster", "beagle"})


def test_names_have_articles_where_the_table_has_them(tmp_path: Path) -> None:
    lines = TABLE.splitlines()
    added = [f"{line}\t{last}" for line, last in zip(lines, ("de_article", "ein", "", "ein"), strict=True)]
    (tmp_path / "classes.tsv").write_text("\n".join(added), encoding="utf-8")
    rows = read_classes(tmp_path / "classes.tsv", ("en", "de"))
    assert [row.articles for row in rows] == [{"de": "ein"}, {"de": ""}, {"de": "ein"}]


def test_pseudo_pictures_are_what_their_row_of_the_classifier_answers_to() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(500, 12)) @ random.normal(size=(12, 12)) + 5
    rows = random.normal(size=(6, 12))
    found = pseudo_pictures(class_directions(rows, range(6)), features)
    answers = (found - features.mean(0)) @ (rows - rows.mean(0)).T
    assert (answers.argmax(1) == np.arange(6)).all()
    distance = np.linalg.norm(features - features.mean(0), axis=1)
    assert np.allclose(np.linalg.norm(found - features.mean(0), axis=1), np.median(distance), rtol=1e-4)


def test_kinds_say_of_a_vector_what_the_classifier_says_of_the_picture() -> None:
    """The vectors have half of the features' dimensions and no length."""
    random = np.random.default_rng(0)
    width, count = 24, 8
    weights, offsets = random.normal(size=(count, width)).astype(np.float32), random.normal(size=count).astype(np.float32)
    turned = np.linalg.qr(random.normal(size=(width, width)))[0][:, : width // 2]

    def embed(features: np.ndarray) -> np.ndarray:
        vectors = features @ turned
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    rows = [ClassRow(number, str(number), {"en": f"thing {number}"}, {}, f"thing {number}, it", {"en": "a"}) for number in range(count)]
    features = random.normal(size=(400, width)).astype(np.float32) + 2
    kinds = kinds_seen(rows, (weights, offsets), features[:200], embed, random)
    answers = (features[200:] @ weights.T + offsets).argmax(1)
    vectors = embed(features[200:])
    stand_ins = embed(pseudo_pictures(class_directions(weights, range(count)), features[:200]))
    right, before = ((found == answers).mean() for found in (kinds.likeliest(vectors, 1)[:, 0], (vectors @ stand_ins.T).argmax(1)))
    assert right > before + 0.1 and right > 0.5
    assert kinds.vectors.shape == (count, width // 2) and kinds.vectors.dtype == kinds.offsets.dtype == np.float32
    assert (kinds.names, kinds.synonyms[2]) == ({"en": [f"thing {number}" for number in range(count)]}, "thing 2, it")
    assert kinds.articles == {"en": ["a"] * count}
