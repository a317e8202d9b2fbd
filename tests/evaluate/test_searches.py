"""Made-up searches: what is right in them is right, and nothing that may be right is counted as wrong."""

from __future__ import annotations

import numpy as np

from mmembed.evaluate.concepts import Concept, Concepts
from mmembed.evaluate.searches import Task, caption_tasks, draw, word_tasks

ANIMALS = {"dog": Concept("dogs", ("puppy",), ("animal",)), "cat": Concept("cats"), "cow": Concept("cows")}
LISTS = Concepts({"animals": ANIMALS, "colours": {"red": Concept()}}, (), (), (), ("animals",))


def test_a_caption_belongs_to_one_picture_and_others_that_fit_are_neither_right_nor_wrong() -> None:
    shown = [frozenset(names) for names in ({"dog"}, {"dog", "red"}, {"cat"}, {"dog", "red", "cat"})]
    named = [frozenset(names) for names in ({"dog"}, {"dog", "red"}, (), {"cow"})]
    tasks = caption_tasks([0, 1, 2, 2], named, shown)
    assert [task.query for task in tasks] == [0, 1, 2, 3]
    assert [task.right.tolist() for task in tasks] == [[0], [1], [2], [2]]
    # One that names nothing says nothing of other pictures; what no picture shows, its own not, either, is wrong in all others.
    assert [task.wrong.tolist() for task in tasks] == [[2], [0, 2], [0, 1, 3], [0, 1, 3]]


def test_what_captions_agree_on() -> None:
    assert LISTS.agreed(["a red dog", "a puppy and a dog", "a red cat", "an animal"]) == {"dog", "red"}
    assert LISTS.agreed(["a dog with a dog"]) == LISTS.agreed([]) == frozenset()


def test_words_are_right_wrong_or_open() -> None:
    words, tasks = word_tasks([["a red dog"], ["an animal"], ["a cat", "a puppy"], ["a cat"]], LISTS)
    assert words == ["dog", "cat"]  # no picture shows a cow, and colours are not searched for
    by_query = {task.query: task for task in tasks}
    assert by_query[0].right.tolist() == [0, 2]
    assert by_query[0].wrong.tolist() == [3]  # the animal may be a dog
    assert by_query[1].right.tolist() == [2, 3]
    assert by_query[1].wrong.tolist() == [0, 1]


def test_galleries_hold_what_is_asked_for_or_do_not() -> None:
    task = Task(5, np.array([1, 2, 3]), np.arange(10, 30))
    drawn = list(draw([task] * 200, 8, np.random.default_rng(0)))
    assert len(drawn) == 200
    for there, gone in drawn:
        assert there.query == gone.query == 5
        for search in (there, gone):
            assert len(set(search.gallery.tolist())) == len(search.gallery) == 8
            assert (search.right == (search.gallery < 10)).all()
        assert there.right.any()
        assert not gone.right.any()
    # The certain picture comes beside seven of 22 others, two of which are right.
    assert abs(np.mean([there.right.sum() for there, _ in drawn]) - (1 + 7 * 2 / 22)) < 0.2
    assert {there.gallery[0] < 10 for there, _ in drawn} == {True, False}  # its place says nothing


def test_a_gallery_takes_enough_wrong_pictures() -> None:
    task = Task(0, np.array([0]), np.arange(1, 5))
    assert len(list(draw([task], 4, np.random.default_rng(0)))) == 1
    assert list(draw([task], 5, np.random.default_rng(0))) == []
