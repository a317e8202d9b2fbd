from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmembed.learn.features import Ragged  # noqa: E402
from mmembed.learn.mixture import Batch, Mixture, Source, Task  # noqa: E402
from mmembed.learn.tasks import masked_sources, tidy  # noqa: E402

pytestmark = pytest.mark.torch
WIDTH, DIM = 6, 8


def ragged(lengths: list[int], width: int | None) -> Ragged:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    shape = (offsets[-1], width) if width else (offsets[-1],)
    return Ragged(np.random.default_rng(0).integers(4, 20, shape).astype(np.float16 if width else np.int32), offsets)


@pytest.fixture
def mixture() -> Mixture:
    source = Source(ragged([3, 5, 2], WIDTH), ragged([3, 5, 2], None))
    real, standin = np.ones(3, bool), np.zeros(3, bool)
    captions = Task("caption-en", 1, "en", [[5], [5, 6], [7]], [[0], [1], [2]], real, 1.0, (), np.zeros(3, int))
    translation = Task("en-de", 1, "de", [[8], [9, 9], [8]], [[], [], [3]], standin, 1.0, (source,), np.arange(3))
    vectors = np.eye(4, DIM, dtype=np.float32)
    return Mixture([captions, translation], vectors, torch.zeros(30, WIDTH).half(), {"en": 4, "de": 3}, 0.5, 0.0)


def same(a: Batch, b: Batch) -> bool:
    return all(torch.equal(torch.nan_to_num(x), torch.nan_to_num(y)) for x, y in zip(vars(a).values(), vars(b).values(), strict=True))


def test_a_pool_is_a_pure_function_of_seed_and_number(mixture: Mixture) -> None:
    first, again, other = (list(mixture.batches(1, pool, 4, 3)) for pool in (0, 0, 1))
    assert all(same(a, b) for a, b in zip(first, again, strict=True))
    assert not all(same(a, b) for a, b in zip(first, other, strict=True))


def test_targets_start_with_their_language_and_end(mixture: Mixture) -> None:
    batch = mixture.collate([(0, 1), (1, 0)], np.random.default_rng(0))
    assert batch.inputs.tolist() == [[4, 5, 6], [3, 8, 2]]
    assert batch.labels.tolist() == [[5, 6, 2], [8, 2, -100]]


def test_captions_read_a_vector_and_no_source_translations_without_picture_no_vector(mixture: Mixture) -> None:
    batch = mixture.collate([(0, 0), (1, 1), (1, 2)], np.random.default_rng(0))
    assert not batch.prefix[0].isnan().any()
    assert torch.allclose(batch.prefix[0].norm(), torch.tensor(1.0), atol=1e-5)
    assert not batch.mask[0].any()
    assert batch.prefix[1].isnan().all()
    assert batch.mask.sum(1).tolist() == [0, 5, 2]
    assert not batch.prefix[2].isnan().any()


def test_masking_takes_content_words_and_leaves_the_rest() -> None:
    texts = ["A brown dog, tired, sleeps on the couch."]
    for text in masked_sources(texts, 1, 3), masked_sources(texts, 2, 4):
        kept = [word for word in text[0].split() if "<mask>" not in word]
        assert 0 < text[0].count("<mask>") <= 2
        assert {"A", "on", "the"} <= set(kept)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("a dog runs .", "en", "A dog runs."),
        ("Ein  Hund , der rennt", "de", "Ein Hund, der rennt."),
        ("一只狗。", "zh", "一只狗。"),
        ("", "en", ""),
    ],
)
def test_captions_are_tidied(text: str, language: str, expected: str) -> None:
    assert tidy(text, language) == expected
