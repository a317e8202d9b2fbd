"""Notes are sentences in English that can be said in other languages."""

import copy
import pickle

from mmembed.generate.notes import ENGLISH, NoteWords, about_doubt, about_oddness, about_parts, about_source, said


def test_a_note_is_a_sentence_that_knows_what_it_is_about() -> None:
    [note] = about_source("no", ["da", "sv"])
    assert note == "The text was taken for 'no', but could be 'da' or 'sv'; say which language it is in (--from)."
    assert (note.kind, note.about) == ("guessed", ("no", "da", "sv"))
    assert about_source("en", []) == []
    assert about_parts(["Peter", "3", "Peter"]) == ["This could not be carried over: Peter, 3."]


def test_what_is_said_of_all_sentences_names_none() -> None:
    assert [note.kind for note in about_oddness(["One.", "Two."], [True, True])] == ["all_odd"]
    assert [note.about for note in about_oddness(["One.", "Two."], [False, True])] == [("Two.",)]
    assert about_doubt(["One."], [False]) == []


def test_long_and_many_sentences_are_cut() -> None:
    sentences = ["word " * 30, "b.", "c.", "d.", "e.", "f."]
    [note] = about_doubt(sentences, [True] * 5 + [False])
    assert "…”, “b.”, “c.” and 2 more." in note and len(note) < 200


def test_a_note_is_said_in_other_words() -> None:
    words = NoteWords(
        **{**vars(ENGLISH), "guessed": "{first}? {listed}?", "either": " / ", "odd": "Seltsam: {listed}", "more": " +{count}"}
    )
    assert said(words, "guessed", ["Norwegian", "Danish", "Swedish"]) == "Norwegian? Danish / Swedish?"
    assert said(words, "odd", list("abcde")) == "Seltsam: “a”, “b”, “c” +2"


def test_notes_travel() -> None:
    [note] = about_parts(["Peter"])
    for same in (copy.deepcopy(note), pickle.loads(pickle.dumps(note))):
        assert same == note and (same.kind, same.about) == ("lacking", ("Peter",))
