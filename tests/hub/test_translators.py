"""Marian, M2M100 and NLLB, loaded from disk: their translations are those of transformers used as its documentation says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmembed.backends import TRANSLATORS, implementation
from mmembed.compose import describe
from mmembed.errors import InvalidConfig, InvalidQuery, UnknownPair
from mmembed.generate.pairs import nearest, require_languages, require_pair
from mmembed.hub.running import Running
from mmembed.presets import presets

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")]

Checkpoint = Callable[[str], Path]
TEXTS = ["two dogs run", "a man rides a red motorcycle", "people"]


def translator(folder: Path) -> Any:
    preset = describe(str(folder))
    return implementation(TRANSLATORS, preset.backend)(preset, Running("cpu", "fp32"))


def reference(folder: Path, source: str | None, first: Callable[[Any], int] | None, prefix: str = "") -> list[str]:
    """Beam search of width 4, one text at a time."""
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    tokens = transformers.AutoTokenizer.from_pretrained(folder)
    if source:
        tokens.src_lang = source
    forced = {"forced_bos_token_id": first(tokens)} if first else {}
    written = []
    for text in TEXTS:
        inputs = tokens(prefix + text, return_tensors="pt")
        length = min(2 * inputs["input_ids"].shape[1] + 20, 63)
        ids = model.generate(**inputs, num_beams=4, max_new_tokens=length, max_length=None, **forced)[0]
        written.append(tokens.decode([one for one in ids.tolist() if one != forced.get("forced_bos_token_id")], skip_special_tokens=True))
    return written


@pytest.mark.parametrize(
    ("kind", "source", "first", "prefix"),
    [
        ("marian", None, None, ""),
        ("marian-multi", None, None, ">>deu<< "),
        ("m2m100", "en", lambda tokens: tokens.get_lang_id("de"), ""),
        ("nllb", "eng_Latn", lambda tokens: tokens.convert_tokens_to_ids("deu_Latn"), ""),
    ],
)
def test_translations_are_those_of_the_library(checkpoint: Checkpoint, kind: str, source: Any, first: Any, prefix: str) -> None:
    ours = translator(checkpoint(kind))
    wanted = [text.strip() for text in reference(checkpoint(kind), source, first, prefix)]
    found = [ours.translate([text], "de-AT", "eng", None, 4, 1)[0][0] for text in TEXTS]
    assert [one.text for one in found] == wanted
    assert all(one.score < 0 for one in found)
    assert any(wanted)
    assert "de" in ours.languages and not ours.sees


@pytest.mark.parametrize("kind", ["m2m100", "nllb", "marian-multi"])
def test_the_target_language_matters(checkpoint: Checkpoint, kind: str) -> None:
    ours = translator(checkpoint(kind))
    german, french = (ours.translate(["two dogs run"], to, "en", None, 1, 1)[0][0] for to in ("de", "fr"))
    assert (german.text, german.score) != (french.text, french.score)


@pytest.mark.parametrize("kind", ["marian", "nllb"])
def test_n_best_lists_are_ordered_and_full(checkpoint: Checkpoint, kind: str) -> None:
    lists = translator(checkpoint(kind)).translate(TEXTS, "de", "en", None, 2, 5)
    assert [len(candidates) for candidates in lists] == [5, 5, 5]
    assert all(sorted((one.score for one in candidates), reverse=True) == [one.score for one in candidates] for candidates in lists)


def test_long_texts_are_cut_with_a_warning_and_others_are_not_touched(checkpoint: Checkpoint) -> None:
    ours = translator(checkpoint("marian"))
    with pytest.warns(UserWarning, match=r"1 text\(s\) longer than 64 tokens were cut"):
        both = ours.translate(["dog " * 300, "a dog"], "de", "en", None, 1, 1)
    assert len(both) == 2


def test_what_cannot_be_translated_is_said(checkpoint: Checkpoint, tmp_path: Path) -> None:
    marian, m2m100 = translator(checkpoint("marian")), translator(checkpoint("m2m100"))
    with pytest.raises(UnknownPair, match=r"from 'de' to 'en'; its pairs are en-de"):
        marian.translate(["ein Hund"], "en", "de")
    with pytest.raises(UnknownPair, match="does not know the language 'ace'"):
        m2m100.translate(["a dog"], "ace", "en")
    with pytest.raises(InvalidQuery, match="has to be told the language"):
        marian.translate(["a dog"], "de", None)
    nameless = tmp_path / "model"
    nameless.mkdir()
    for file in checkpoint("marian").iterdir():
        (nameless / file.name).write_bytes(file.read_bytes())
    (nameless / "tokenizer_config.json").write_text('{"tokenizer_class": "MarianTokenizer"}')
    with pytest.raises(InvalidConfig, match="name the folder like opus-mt-en-de"):
        translator(nameless).translate(["a dog"], "de", "en")
    assert marian.translate([], "de", "en") == []


def test_the_nearest_pairs_are_named() -> None:
    pairs = ["sv-en", "en-de", "en-fr", "fi-sv"]
    with pytest.raises(UnknownPair, match="from 'sv' to 'en' and from there to 'de', in two steps"):
        require_pair("opus-mt", "sv", "de", pairs)
    with pytest.raises(UnknownPair, match="nearest pairs it has are sv-en"):
        require_pair("opus-mt", "sv", "it", pairs)
    assert nearest("xx", "yy", pairs) == "its pairs are sv-en, en-de, en-fr, fi-sv"
    assert nearest("zh-Hant", "de", ["zh-Hant-en", "en-de"]) == "it does from 'zh-Hant' to 'en' and from there to 'de', in two steps"
    require_pair("opus-mt", "sv", "en", pairs)
    with pytest.raises(UnknownPair, match=r"'zh-Hant'; of its 2 the nearest by code are zh, en"):
        require_languages("x", ["zh-Hant"], ["en", "zh"])


def test_each_pair_of_a_family_has_its_own_weights(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def folder_of(name: str, library: str) -> Path:
        asked.append((name, library))
        return checkpoint("marian")

    monkeypatch.setattr("mmembed.generate.marian.folder_of", folder_of)
    preset = presets()["opus-mt"]
    family = implementation(TRANSLATORS, "marian")(replace(preset, pairs=("en-de", "de-en")), Running("cpu", "fp32"))
    assert family.translate(["a dog"], "de", "en", None, 1, 1)[0][0].text
    assert asked == [("Helsinki-NLP/opus-mt-en-de", "transformers")]
