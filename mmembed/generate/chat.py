"""Chat models that see (transformers' `image-text-to-text`): captions in the asked language, and translation with the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from mmembed.errors import InvalidConfig, InvalidQuery
from mmembed.generate.base import Candidate
from mmembed.generate.hub_model import HubModel, images_of, n_best
from mmembed.generate.pairs import require_languages
from mmembed.languages import canonical
from mmembed.media.picture import Picture

_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'", "「": "」"}


@dataclass(frozen=True)
class Prompts:
    """`configs/prompts.yaml`: what chat models are asked, with `{language}`, `{source}` and `{text}` to be filled in.

    Attributes:
        names: code → the language's name in English.
        caption: asks for a description.
        translate: asks for a translation.
        translate_seeing: asks for a translation of a text about the picture.
    """

    names: dict[str, str]
    caption: str
    translate: str
    translate_seeing: str


@lru_cache(maxsize=1)
def prompts() -> Prompts:
    """What chat models are asked."""
    from mmembed.presets import config_folder, read_config

    found: Prompts = read_config(config_folder() / "prompts.yaml", Prompts)
    return found


class ChatModel(HubModel):
    """A `Captioner` and a `Translator` from an image-text-to-text model with a chat template."""

    sees = True
    picture_size = 768
    batch = 4
    caption_tokens, translation_tokens = 80, 256

    @property
    def languages(self) -> tuple[str, ...]:
        """Those of its preset or, for a model without one, all that can be named in a prompt."""
        return self.preset.captions or tuple(prompts().names)

    def credit(self, language: str) -> str:
        """The model's name."""
        return self.name

    def describe(self, pictures: Sequence[Picture], language: str, beams: int = 4, count: int = 1) -> list[list[Candidate]]:
        """See `Captioner.describe`."""
        request = prompts().caption.format(language=self._name_of(language))
        with self.ready():
            return self.batches.run(
                lambda part: self._answer([request] * len(part), part, beams, count, self.caption_tokens), list(pictures)
            )

    def translate(
        self,
        texts: Sequence[str],
        to: str,
        source_language: str | None,
        pictures: Sequence[Picture | None] | None = None,
        beams: int = 4,
        count: int = 1,
    ) -> list[list[Candidate]]:
        """See `Translator.translate`; texts with and without picture go through the model apart."""
        there = self._name_of(to)
        here = self._name_of(source_language) if source_language else ""
        seen = list(pictures) if pictures is not None else [None] * len(texts)
        results: list[list[Candidate]] = [[] for _ in texts]
        for pictured in (True, False):
            rows = [row for row, picture in enumerate(seen) if (picture is not None) == pictured]
            template = prompts().translate_seeing if pictured else prompts().translate
            asked = [(template.format(source=here, language=there, text=texts[row]).replace("  ", " "), seen[row]) for row in rows]
            with self.ready():
                answers = self.batches.run(
                    lambda part: self._answer(
                        [request for request, _ in part], [picture for _, picture in part if picture is not None], beams, count,
                        self.translation_tokens,
                    ), asked,
                )  # fmt: skip
            for row, answer in zip(rows, answers, strict=True):
                results[row] = answer
        return results

    def _answer(self, requests: Sequence[str], pictures: Sequence[Picture], beams: int, count: int, longest: int) -> list[list[Candidate]]:
        model, processor = self._loaded
        images = images_of(pictures)
        chats = [
            [{"role": "user", "content": [*([{"type": "image"}] if images else []), {"type": "text", "text": request}]}]
            for request in requests
        ]
        texts = [processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False) for chat in chats]
        pictured: dict[str, Any] = {"images": [[image] for image in images]} if images else {}
        inputs = processor(text=texts, **pictured, padding=True, padding_side="left", return_tensors="pt").to(model.device, model.dtype)
        asked = inputs["input_ids"].shape[1]

        def decode(ids: Any) -> list[str]:
            return [_bare(text) for text in processor.batch_decode(ids[:, asked:], skip_special_tokens=True)]

        return n_best(model, decode, inputs, beams, count, max_new_tokens=longest, max_length=None)

    def _name_of(self, code: str) -> str:
        require_languages(self.name, [canonical(code)], self.languages)
        name = prompts().names.get(canonical(code))
        if name is None:
            raise InvalidQuery(f"There is no name for the language {code!r} in configs/prompts.yaml.")
        return name

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        from transformers import AutoModelForImageTextToText, AutoProcessor

        processor = AutoProcessor.from_pretrained(self.folder, local_files_only=True)
        if not getattr(processor, "chat_template", None):
            raise InvalidConfig(f"{self.name} has no chat template, so it cannot be asked for captions or translations.")
        return self.load(AutoModelForImageTextToText), processor


def _bare(answer: str) -> str:
    """The answer's first paragraph, without quotation marks around it."""
    text = answer.strip().split("\n\n")[0].strip()
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return " ".join(text.split())
