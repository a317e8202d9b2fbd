"""What the decoder learns from: captions of pictures, translations, and texts that stand in for pictures.

Text and pictures share a space, so the vector of another description of the same scene, with noise, stands in for the
picture where there is none (CapDec, Nukrai et al. 2022; DeCap, Li et al. 2023; CLIPTrans, Yang et al. 2023). Some
sources have words masked, so that only the picture can tell them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

import numpy as np
import torch
from torch import Tensor

from mmembed.learn.features import Ragged


@dataclass(frozen=True)
class Source:
    """Encoded source texts: last hidden states and piece ids, both ragged over the same pieces."""

    states: Ragged
    pieces: Ragged


@dataclass(frozen=True)
class Task:
    """One kind of example.

    Attributes:
        name: shown in logs.
        weight: share of the mixture.
        language: language that is written.
        targets: piece ids of each example's target.
        prefixes: for each example the indices into the vectors of which one is drawn; empty for none.
        real: whether those vectors are pictures' (else texts that stand in for them).
        prefix_rate: how often the prefix is shown.
        sources: alternative encodings of each example's source (plain, masked), or none for captions.
        rows: row of each example in `sources`.
    """

    name: str
    weight: float
    language: str
    targets: list[list[int]]
    prefixes: Sequence[Sequence[int]]
    real: np.ndarray
    prefix_rate: float
    sources: tuple[Source, ...]
    rows: np.ndarray

    def written_with(self, pieces: Iterable[int]) -> Task:
        """The examples whose targets need no other pieces."""
        allowed = set(pieces)
        kept = [row for row, target in enumerate(self.targets) if allowed.issuperset(target)]
        targets, prefixes = [self.targets[row] for row in kept], [self.prefixes[row] for row in kept]
        return replace(self, targets=targets, prefixes=prefixes, real=self.real[kept], rows=self.rows[kept])


@dataclass(frozen=True)
class Batch:
    """One step's tensors; see `ConditionedDecoder.forward`. `labels` are -100 where there is nothing to predict.

    `language` is the position of each row's language among the tags, `[N]`.
    """

    prefix: Tensor
    states: Tensor
    words: Tensor
    mask: Tensor
    inputs: Tensor
    labels: Tensor
    language: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        return replace(self, **{name: value.to(device) for name, value in vars(self).items()})


class Mixture:
    """Draws batches of similar length from weighted tasks; step i is a pure function of (seed, i), so runs resume."""

    def __init__(
        self, tasks: Sequence[Task], vectors: np.ndarray, words: Tensor, tags: dict[str, int], noise: float, masked_rate: float
    ) -> None:
        self.tasks, self._vectors, self._words, self._tags = tasks, vectors, words, tags
        self._noise, self._masked_rate = noise, masked_rate

    def batches(self, seed: int, pool: int, batch: int, pools: int) -> Iterator[Batch]:
        """Batches of pool number `pool` = 0, 1, …: `pools` batches of `batch` examples, sorted by length, shuffled."""
        random = np.random.default_rng([seed, pool])
        weights = np.array([task.weight for task in self.tasks])
        chosen = random.choice(len(self.tasks), size=pools * batch, p=weights / weights.sum())
        examples = [(int(t), int(random.integers(len(self.tasks[t].targets)))) for t in chosen]
        examples.sort(key=lambda e: self._length(*e))
        starts = random.permutation(pools) * batch
        for start in starts:
            yield self.collate(examples[start : start + batch], random)

    def forever(self, seed: int, batch: int, done: int, pools: int = 50) -> Iterator[Batch]:
        """Pool after pool, without the first `done` batches."""
        first, within = divmod(done, pools)
        for pool in count(first):
            yield from islice(self.batches(seed, pool, batch, pools), within if pool == first else 0, None)

    def _length(self, task: int, row: int) -> int:
        chosen = self.tasks[task]
        return len(chosen.targets[row]) * 2 + (len(chosen.sources[0].states[chosen.rows[row]]) if chosen.sources else 0)

    def collate(self, examples: Sequence[tuple[int, int]], random: np.random.Generator) -> Batch:
        """Tensors of examples given as (task, row)."""
        sources = [self._source(task, row, random) for task, row in examples]
        longest = max(1, max(len(states) for states, _ in sources))
        width = self._words.shape[1]
        states = torch.zeros(len(examples), longest, width)
        pieces = torch.ones(len(examples), longest, dtype=torch.long)
        mask = torch.zeros(len(examples), longest, dtype=torch.bool)
        for i, (values, ids) in enumerate(sources):
            states[i, : len(values)] = torch.from_numpy(np.asarray(values, np.float32))
            pieces[i, : len(ids)] = torch.from_numpy(np.asarray(ids, np.int64))
            mask[i, : len(ids)] = True
        targets = [[self._tags[self.tasks[task].language], *self.tasks[task].targets[row], 2] for task, row in examples]
        padded = torch.full((len(targets), max(map(len, targets))), -100)
        for i, target in enumerate(targets):
            padded[i, : len(target)] = torch.tensor(target)
        prefix = np.stack([self._prefix(task, row, random) for task, row in examples])
        return Batch(
            torch.from_numpy(prefix),
            states,
            self._words[pieces].float() * mask[..., None],
            mask,
            padded[:, :-1].masked_fill(padded[:, :-1] == -100, 1),
            padded[:, 1:],
            torch.tensor([list(self._tags).index(self.tasks[task].language) for task, _ in examples]),
        )

    def pieces(self, shared: Sequence[int]) -> dict[str, list[int]]:
        """For each language, in the order of the tags, the sorted ids that its targets use, and `shared` ones."""
        used: dict[str, set[int]] = {language: set(shared) for language in self._tags}
        for task in self.tasks:
            for target in task.targets:
                used[task.language].update(target)
        return {language: sorted(ids) for language, ids in used.items()}

    def _source(self, task: int, row: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.tasks[task]
        if not chosen.sources:
            return np.zeros((0, self._words.shape[1]), np.float32), np.zeros(0, np.int64)
        masked = len(chosen.sources) > 1 and random.random() < self._masked_rate
        source = chosen.sources[random.integers(1, len(chosen.sources)) if masked else 0]
        return source.states[chosen.rows[row]], source.pieces[chosen.rows[row]]

    def _prefix(self, task: int, row: int, random: np.random.Generator) -> np.ndarray:
        chosen = self.tasks[task]
        nothing = np.full(self._vectors.shape[1], np.nan, np.float32)
        if not len(chosen.prefixes[row]) or random.random() >= chosen.prefix_rate:
            return nothing
        vector = self._vectors[chosen.prefixes[row][int(random.integers(len(chosen.prefixes[row])))]].astype(np.float32)
        strength = self._noise * (0.3 if chosen.real[row] else 1.0)
        vector = vector + random.standard_normal(len(vector)).astype(np.float32) * (strength * random.random() / np.sqrt(len(vector)))
        return (vector / np.linalg.norm(vector)).astype(np.float32)
