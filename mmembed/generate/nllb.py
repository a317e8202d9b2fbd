"""NLLB-200: one model between two hundred languages (https://arxiv.org/abs/2207.04672)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from mmembed.errors import UnknownPair
from mmembed.generate.pairs import require_languages
from mmembed.generate.seq2seq import Direction, Seq2SeqTranslator
from mmembed.languages import codes, flores


class NllbTranslator(Seq2SeqTranslator):
    """A `Translator` from an NLLB checkpoint; languages by their FLORES-200 code, the target as the first token."""

    @property
    def languages(self) -> tuple[str, ...]:  # type: ignore[override]
        """Canonical codes."""
        return tuple(codes().flores)

    def direction(self, source: str, to: str) -> Direction:
        """The one model, its tokenizer set to the source."""
        require_languages(self.name, (source, to), self.languages)
        model, tokenizer = self._loaded
        here, there = flores(source), flores(to)
        for code in (here, there):  # a smaller model may have been trained with fewer
            if tokenizer.convert_tokens_to_ids(code) == tokenizer.unk_token_id:
                raise UnknownPair(f"{self.name} has no sign for the language {code!r}.")
        tokenizer.src_lang = here
        return Direction(model, tokenizer, {"forced_bos_token_id": tokenizer.convert_tokens_to_ids(there)})

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        from transformers import AutoModelForSeq2SeqLM, NllbTokenizer

        return self.load(AutoModelForSeq2SeqLM), NllbTokenizer.from_pretrained(self.folder, local_files_only=True)
