from __future__ import annotations

import pytest

from mmembed.errors import InvalidQuery
from mmembed.languages import canonical, codes, find, flores, m2m100


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("de", "de"), ("DE", "de"), ("de-DE", "de"), ("de_AT", "de"), ("deu", "de"), ("ger", "de"), ("deu_Latn", "de"),
        ("zh", "zh"), ("zh-CN", "zh"), ("zh-TW", "zh-Hant"), ("zh-Hant-HK", "zh-Hant"), ("zho_Hans", "zh"), ("zho_Hant", "zh-Hant"),
        ("cmn", "zh"), ("ara", "ar"), ("arb_Arab", "ar"), ("nb-NO", "no"), ("nob_Latn", "no"), ("nno_Latn", "nn"), ("iw", "he"),
        ("in", "id"), ("pt-BR", "pt"), ("sr-Latn", "sr"), ("fil", "tl"), ("ces", "cs"), ("cze", "cs"), ("es-419", "es"), ("tlh", "tlh"),
    ],
)  # fmt: skip
def test_codes_of_all_kinds_mean_one_language(written: str, ours: str) -> None:
    assert canonical(written) == ours


@pytest.mark.parametrize("wrong", ["", "german", "d", "de/en", "1"])
def test_what_is_no_code_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidQuery, match="no code of a language"):
        canonical(wrong)


def test_the_table_is_consistent() -> None:
    table = codes()
    assert len(table.flores) == 202
    assert set(table.aliases.values()) <= set(table.flores)
    assert not set(table.aliases) & set(table.flores)
    assert all(canonical(ours) == ours for ours in table.flores)
    assert all(canonical(theirs) == ours for ours, theirs in table.flores.items())


def test_each_family_has_its_own_codes() -> None:
    assert (flores("cs"), flores("zh-TW"), flores("nb"), flores("tlh")) == ("ces_Latn", "zho_Hant", "nob_Latn", None)
    assert (m2m100("deu_Latn"), m2m100("nb"), m2m100("nso"), m2m100("ace")) == ("de", "no", "ns", None)


def test_a_served_language_is_found_by_any_of_its_codes() -> None:
    assert find("de-CH", ("en", "de")) == "de"
    assert find("zh-Hant", ("zh",)) == "zh"
    assert find("deu_Latn", ("eng_Latn", "deu_Latn")) == "deu_Latn"
    assert find("sv", ("en", "de")) is None
