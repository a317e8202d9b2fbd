"""M2M100: one model between a hundred languages (https://arxiv.org/abs/2010.11125)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from mmembed.generate.pairs import require_languages
from mmembed.generate.seq2seq import Direction, Seq2SeqTranslator
from mmembed.languages import canonical, codes, m2m100


class M2M100Translator(Seq2SeqTranslator):
    """A `Translator` from an M2M100 checkpoint; languages by their ISO 639-1 code, the target as the first token."""

    @property
    def languages(self) -> tuple[str, ...]:  # type: ignore[override]
        """Canonical codes."""
        return tuple(canonical(code) for code in codes().m2m100)

    def direction(self, source: str, to: str) -> Direction:
        """The one model, its tokenizer set to the source."""
        require_languages(self.name, (source, to), self.languages)
        model, tokenizer = self._loaded
        tokenizer.src_lang = m2m100(source)
        return Direction(model, tokenizer, {"forced_bos_token_id": tokenizer.get_lang_id(m2m100(to))})

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        from transformers import M2M100ForConditionalGeneration, M2M100Tokenizer

        return self.load(M2M100ForConditionalGeneration), M2M100Tokenizer.from_pretrained(self.folder, local_files_only=True)
