"""Training on what captions score: the reward, the texts that are sampled, and that captions get better by it."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import sentencepiece as spm

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
cider = pytest.importorskip("pycocoevalcap.cider.cider")

from mmembed.evaluate.captions import tokenise  # noqa: E402
from mmembed.learn.conditioned import ConditionedDecoder, NetworkConfig  # noqa: E402
from mmembed.learn.critical import CriticalStage, Described, advantages, nothing_read, tune_on_rewards  # noqa: E402
from mmembed.learn.likelihood import DecoderLoss  # noqa: E402
from mmembed.learn.mixture import Batch  # noqa: E402
from mmembed.learn.reward import END, CiderReward  # noqa: E402
from mmembed.learn.vocabulary import train_pieces  # noqa: E402
from mmembed.learn.writing import PADDING, texts_of, write  # noqa: E402

pytestmark = pytest.mark.torch
REFERENCES = {
    "park": ["Two dogs run in the park.", "Dogs are running over grass.", "Two brown dogs run."],
    "beach": ["A man walks along the beach.", "Someone is walking by the sea."],
    "snow": ["A boy throws a snowball.", "A boy in the snow."],
}
CAPTIONS = {
    "park": ["Two dogs run over grass.", "A dog", "Two dogs run in the"],
    "beach": ["A man walks by the sea.", ""],
    "snow": ["A boy."],
}
WALLS = ("red", "blue")
DIM, STATE, TAG = 8, 4, 5


def reward() -> CiderReward:
    return CiderReward([(picture, text) for picture, texts in REFERENCES.items() for text in texts], "en")


def test_the_reward_is_the_cider_of_papers() -> None:
    def ended(texts: list[str]) -> list[str]:
        return [f"{text} {END}".strip() for text in tokenise(texts, "en")]

    for number in range(3):
        chosen = {picture: texts[number % len(texts)] for picture, texts in CAPTIONS.items()}
        wanted = {picture: ended(texts) for picture, texts in REFERENCES.items()}
        _, reference = cider.Cider().compute_score(wanted, {picture: ended([text]) for picture, text in chosen.items()})
        own = [float(reward()(picture, [chosen[picture]])[0]) for picture in wanted]
        np.testing.assert_allclose(own, reference, rtol=1e-6, atol=1e-9)


def test_a_caption_that_breaks_off_scores_less() -> None:
    whole, broken = reward()("park", ["Dogs are running over grass.", "Dogs are running over"])
    assert whole > broken


def test_what_is_better_than_the_other_samples_becomes_likelier() -> None:
    found = advantages(np.array([[1.0, 2.0, 6.0], [3.0, 3.0, 3.0]]))
    np.testing.assert_allclose(found, [[-3.0, -1.5, 4.5], [0.0, 0.0, 0.0]])


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> spm.SentencePieceProcessor:
    place: Path = tmp_path_factory.mktemp("pieces") / "decoder.model"
    train_pieces([f"a {colour} wall" for colour in WALLS] * 3, 300, ("en",), place)
    return spm.SentencePieceProcessor(model_file=str(place))


@pytest.fixture
def decoder(targets: spm.SentencePieceProcessor) -> ConditionedDecoder:
    torch.manual_seed(2)
    shape = NetworkConfig(targets.get_piece_size(), DIM, STATE, width=32, encoder_layers=1, decoder_layers=1, inner=64, prefix_length=2)
    return ConditionedDecoder(shape).eval()


@pytest.fixture
def allowed(targets: spm.SentencePieceProcessor) -> list[int]:
    """The pieces of the captions, and the end."""
    return sorted({2, *(piece for colour in WALLS for piece in targets.encode(f"a {colour} wall"))})


def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(WALLS), 1, DIM)).astype(np.float32)


def test_the_likeliest_text_is_that_of_transformers(decoder: ConditionedDecoder, allowed: list[int]) -> None:
    read = (torch.from_numpy(vectors()[:, 0]), *nothing_read(2, STATE, torch.device("cpu")))
    own = write(decoder, read, TAG, torch.tensor(allowed), 10)
    reference, _ = decoder.generate(*read, tag=TAG, pieces=allowed, beams=2, count=1, length=10)
    assert own.shape[0] == reference.shape[0] == 2
    embeddings, attention = decoder.memory_inputs(*read)
    greedy = decoder.network.generate(
        inputs_embeds=embeddings, attention_mask=attention, decoder_start_token_id=TAG, num_beams=1, do_sample=False, max_new_tokens=10,
        suppress_tokens=sorted(set(range(decoder.config.vocabulary)) - set(allowed)),
    )  # fmt: skip
    assert own.tolist() == greedy.tolist()


def test_samples_follow_the_seed_and_the_language(decoder: ConditionedDecoder, allowed: list[int]) -> None:
    read = (torch.from_numpy(vectors()[:, 0]), *nothing_read(2, STATE, torch.device("cpu")))
    first, again, other = (
        write(decoder, read, TAG, torch.tensor(allowed), 30, torch.Generator().manual_seed(seed), copies=3) for seed in (1, 1, 2)
    )
    assert first.tolist() == again.tolist() != other.tolist()
    assert len(first) == 6
    assert set(first[:, 1:].flatten().tolist()) <= {*allowed, PADDING}
    for row in first.tolist():
        after = row[row.index(2) + 1 :] if 2 in row else []
        assert set(after) <= {PADDING}, "nothing follows the end"


def either_caption(targets: spm.SentencePieceProcessor) -> Batch:
    """Both pictures, each with both captions: from these alone nobody can tell which is whose."""
    captions = [targets.encode(f"a {colour} wall") for colour in WALLS] * 2
    length = max(map(len, captions)) + 2
    ids = torch.tensor([[TAG, *caption, 2] + [-100] * (length - 2 - len(caption)) for caption in captions])
    nothing = nothing_read(4, STATE, torch.device("cpu"))
    prefix = torch.from_numpy(vectors()[:, 0]).repeat_interleave(2, 0)
    return Batch(prefix, *nothing, ids[:, :-1].clamp(min=1), ids[:, 1:], torch.zeros(4, dtype=torch.long))


def test_captions_score_more_afterwards(
    decoder: ConditionedDecoder, allowed: list[int], targets: spm.SentencePieceProcessor, tmp_path: Path
) -> None:
    judge = CiderReward([(colour, f"a {colour} wall") for colour in WALLS], "en")
    described = Described(
        vectors(), {colour: row for row, colour in enumerate(WALLS)}, {"en": judge}, {"en": allowed}, {"en": TAG}, targets
    )
    batch, loss = either_caption(targets), DecoderLoss(decoder, [allowed], 0.0)
    optimizer = torch.optim.Adam(decoder.parameters(), 5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss(batch).backward()
        optimizer.step()

    def score(network: ConditionedDecoder) -> float:
        read = (torch.from_numpy(vectors()[:, 0]), *nothing_read(2, STATE, torch.device("cpu")))
        ids = write(network, read, TAG, torch.tensor(allowed), 12, torch.Generator().manual_seed(0), copies=50)
        return float(np.mean([judge(WALLS[row // 50], [text])[0] for row, text in enumerate(texts_of(ids, targets))]))

    best, before = float(judge("red", ["a red wall"])[0]), score(decoder)
    assert 0.2 * best < before < 0.7 * best
    stage = CriticalStage(steps=200, batch=2, samples=8, mixture=3.0, learning_rate=5e-3, average=0.8)
    arguments = (repeat(batch), 0.0, stage, nullcontext, 0, tmp_path / "critical.checkpoint")
    start, untouched = copy.deepcopy(decoder), copy.deepcopy(decoder)
    after = tune_on_rewards(decoder, described, *arguments)
    assert score(after) > 0.75 * best
    again = tune_on_rewards(start, described, *arguments)
    assert all(torch.equal(a, b) for a, b in zip(after.parameters(), again.parameters(), strict=True)), "it is done and stays so"
    third = (repeat(batch), 0.0, replace(stage, share=0.25), *arguments[3:])
    between = tune_on_rewards(copy.deepcopy(untouched), described, *third)
    for first, last, kept in zip(untouched.parameters(), after.parameters(), between.parameters(), strict=True):
        torch.testing.assert_close(kept, 0.75 * first + 0.25 * last)
