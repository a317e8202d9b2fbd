"""The bundled decoder: two ONNX networks and a beam search in numpy, without torch.

The search follows transformers' `generate()` (num_beams, early_stopping=True, length_penalty=1), the reference that the
tests compare it with: https://huggingface.co/docs/transformers/generation_strategies
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmembed.errors import InvalidQuery
from mmembed.generate.base import Candidate, Style
from mmembed.generate.steering import Reorder, Rules, Step, closing, sample, words_begun
from mmembed.space.bundled import BundledSpace
from mmembed.space.sessions import session

if TYPE_CHECKING:
    import sentencepiece as spm
    from onnxruntime import InferenceSession

CAPTIONS = "captions"
"""Where, in a bundle, the networks for captions are if they are not those for translations."""

WRITER = "writer.onnx"

NETWORK_FILES = ("reader.onnx", WRITER, "pieces.npz")
"""What `Networks` are read from."""

_END = 2
_BATCH = 16


class Networks:
    """The two networks of a decoder, from a folder with `NETWORK_FILES`; loaded when they are used."""

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self._folder, self._threads = folder, threads

    @cached_property
    def reader(self) -> InferenceSession:
        """What is given → keys and values to attend to; see `learn.export.Reader`."""
        return session(self._folder / "reader.onnx", self._threads)

    @cached_property
    def writer(self) -> InferenceSession:
        """One step of writing; see `learn.export.Writer`."""
        return session(self._folder / WRITER, self._threads)

    @cached_property
    def allowed(self) -> dict[str, np.ndarray]:
        """Ids of the pieces that each language is written with."""
        with np.load(self._folder / "pieces.npz") as stored:
            return {language: stored[language].astype(np.int64) for language in stored.files}


class BundledDecoder:
    """A `StyledDecoder` from a folder with the files of `Networks` and `decoder.model`; `space` reads the source texts, and without
    it there are captions only. Networks in the folder `captions` in it, if there are any, write the captions.

    A text in a language is written with that language's pieces alone, the ones it was trained with.
    """

    follows_style = True

    def __init__(
        self,
        folder: Path,
        space: BundledSpace | None,
        caption_languages: tuple[str, ...],
        translation_languages: tuple[str, ...],
        max_length: int,
        threads: int | None = None,
    ) -> None:
        self.caption_languages, self.translation_languages = caption_languages, translation_languages
        self._folder, self._space, self._max_length = folder, space, max_length
        self._translating = self._describing = Networks(folder, threads)
        if (folder / CAPTIONS / WRITER).is_file():
            self._describing = Networks(folder / CAPTIONS, threads)

    @cached_property
    def _pieces(self) -> spm.SentencePieceProcessor:
        import sentencepiece as spm

        return spm.SentencePieceProcessor(model_file=str(self._folder / "decoder.model"))

    @cached_property
    def _shape(self) -> tuple[np.ndarray, np.ndarray]:
        """How many words each piece begins, and which pieces close a sentence; see `steering`."""
        names = [self._pieces.id_to_piece(piece) for piece in range(self._pieces.get_piece_size())]
        return words_begun(names), closing(names)

    def generate(
        self,
        prefix: np.ndarray | None,
        source: Sequence[str] | None,
        language: str,
        beams: int = 4,
        count: int = 1,
        style: Style = Style(),  # noqa: B008  (it is frozen)
    ) -> list[list[Candidate]]:
        """See `StyledDecoder.generate`."""
        rows = len(source) if source is not None else len(prefix if prefix is not None else ())
        results: list[list[Candidate]] = []
        for start in range(0, rows, _BATCH):
            part = slice(start, min(start + _BATCH, rows))
            results += self._generate(
                prefix[part] if prefix is not None else None, source[part] if source is not None else None, language, beams, count, style
            )
        return results

    def _generate(
        self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int, count: int, style: Style
    ) -> list[list[Candidate]]:
        networks = self._networks(source)
        feeds = self._memory(networks, prefix, source)
        beams = beams if style.seed is None else count  # rows that are written side by side
        rows = len(feeds["prefix"])
        memory = dict(zip(("cross_keys", "cross_values", "memory_mask"), networks.reader.run(None, feeds), strict=True))
        # Every beam of a row reads the same memory.
        repeated = {
            "cross_keys": memory["cross_keys"].repeat(beams, 1),
            "cross_values": memory["cross_values"].repeat(beams, 1),
            "memory_mask": memory["memory_mask"].repeat(beams, 0),
        }
        layers, _, heads, _, size = repeated["cross_keys"].shape
        cache = {name: np.zeros((layers, rows * beams, heads, 0, size), np.float32) for name in ("keys", "values")}

        allowed = networks.allowed[language]

        def step(ids: np.ndarray, position: int) -> np.ndarray:
            logits, cache["keys"], cache["values"] = networks.writer.run(
                None, {"ids": ids, "position": np.array([position], np.int64), **cache, **repeated}
            )
            return _log_softmax(logits[:, allowed])

        def reorder(order: np.ndarray) -> None:
            for name in cache:
                cache[name] = np.ascontiguousarray(cache[name][:, order])

        tag = self._pieces.piece_to_id(f"<{language}>")
        begun, closes = self._shape
        rules = Rules(step, reorder, allowed, begun[allowed], closes[allowed], _END, style, self._max_length)
        if style.seed is None:
            found = beam_search(rules.step, rules.reorder, rows, tag, allowed, beams, self._max_length)
        else:
            found = sample(rules.step, rows, tag, allowed, _END, beams, self._max_length, style)
        return [[Candidate(self._pieces.decode(ids), score) for ids, score in best[:count]] for best in found]

    def _networks(self, source: Sequence[str] | None) -> Networks:
        return self._describing if source is None else self._translating

    def _memory(self, networks: Networks, prefix: np.ndarray | None, source: Sequence[str] | None) -> dict[str, np.ndarray]:
        if source is not None:
            if self._space is None:
                raise InvalidQuery(f"{self._folder} writes captions and translates nothing; join a translator to it.")
            encoded = self._space.encode_texts(source)
            states, words, mask = encoded.states, encoded.words, encoded.mask
        else:
            assert prefix is not None
            states = words = np.zeros((len(prefix), 1, networks.reader.get_inputs()[1].shape[2]), np.float32)
            mask = np.zeros((len(prefix), 1), bool)
        if prefix is None:
            prefix = np.full((len(mask), networks.reader.get_inputs()[0].shape[1]), np.nan, np.float32)
        return {"prefix": prefix.astype(np.float32), "states": states, "words": words, "mask": mask}


def beam_search(
    step: Step, reorder: Reorder, rows: int, start: int, pieces: np.ndarray, beams: int, max_length: int, end: int = _END
) -> list[list[tuple[list[int], float]]]:
    """Batched beam search.

    Args:
        step: gives log-probabilities `[rows · beams, V]` of the `pieces` that may follow the ids `[rows · beams]` at a position.
        reorder: moves the cached state of beam `order[i]` to place i.
        rows: how many searches run side by side.
        start: id every text begins with; not part of the result.
        pieces: the ids that a text may contain, `[V]`.
        beams: width of each search.
        max_length: greatest number of ids in a text, its end included.
        end: id every text ends with; not part of the result.

    Returns:
        For each row up to `beams` texts, best first: ids without start and end, and the mean log-probability.
    """
    finished: list[list[tuple[list[int], float]]] = [[] for _ in range(rows)]
    texts: list[list[list[int]]] = [[[] for _ in range(beams)] for _ in range(rows)]
    scores = np.full((rows, beams), -1e9, np.float32)
    scores[:, 0] = 0  # all beams start alike, so only the first may branch
    ids = np.full(rows * beams, start, np.int64)
    for position in range(max_length):
        logs = step(ids, position)
        vocabulary = logs.shape[1]
        total = (scores.reshape(-1, 1) + logs).reshape(rows, beams * vocabulary)
        top = np.argpartition(-total, 2 * beams, axis=1)[:, : 2 * beams]
        order = np.zeros((rows, beams), np.int64)
        for row in range(rows):
            ranked = top[row][np.argsort(-total[row, top[row]], kind="stable")]
            running = []
            for rank, candidate in enumerate(ranked):
                beam, column = divmod(int(candidate), vocabulary)
                piece = int(pieces[column])
                if piece != end:
                    running.append((beam, piece, total[row, candidate]))
                elif rank < beams and len(finished[row]) < beams:
                    finished[row].append((texts[row][beam], float(total[row, candidate]) / (position + 1)))
            running = running[:beams]
            texts[row] = [texts[row][beam] + [piece] for beam, piece, _ in running]
            scores[row] = [score for *_, score in running]
            order[row] = [row * beams + beam for beam, *_ in running]
            ids[row * beams : (row + 1) * beams] = [piece for _, piece, _ in running]
        if all(len(done) >= beams for done in finished):
            break
        reorder(order.reshape(-1))
    for row in range(rows):
        if len(finished[row]) < beams:
            finished[row] += [(text, float(score) / len(text)) for text, score in zip(texts[row], scores[row], strict=True)]
        finished[row].sort(key=lambda found: -found[1])
    return [done[:beams] for done in finished]


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
