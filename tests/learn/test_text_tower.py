"""Fine-tuning of the text tower, on a small random encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from transformers import BertConfig, BertModel  # noqa: E402

from mmembed.learn.features import Ragged, mean_pooled, padded, run_layers, stacked  # noqa: E402
from mmembed.learn.heads import JointHeads  # noqa: E402
from mmembed.learn.text_tower import TextBatch, TextStage, UpperText, pairs, tune_text_tower  # noqa: E402

pytestmark = pytest.mark.torch
WIDTH = 32


@pytest.fixture
def model() -> BertModel:
    torch.manual_seed(0)
    shape = {
        "hidden_size": WIDTH,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "vocab_size": 50,
        "attn_implementation": "eager",
    }
    return BertModel(BertConfig(**shape), add_pooling_layer=False).eval()


def test_the_layers_in_two_parts_are_the_whole_model(model: BertModel) -> None:
    ids = padded([[0, 5, 6, 7, 2], [0, 8, 2]])
    mask = ids != 1
    with torch.inference_mode():
        lower = run_layers(model, model.embeddings(ids), mask, 0, 2)
        ours = run_layers(model, lower, mask, 2, None)
        theirs = model(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.allclose(ours[mask], theirs[mask], atol=1e-5)


def test_texts_keep_their_order_and_do_not_see_their_batch_mates(model: BertModel) -> None:
    random = np.random.default_rng(0)
    texts = [random.normal(size=(length, WIDTH)).astype(np.float32) for length in (5, 2, 9, 3)]
    upper = UpperText(model, 2, 0.0).train(False)
    with torch.inference_mode():
        together = upper(texts, chunk=2)
        alone = torch.cat([upper([text]) for text in texts])
    assert torch.allclose(together, alone, atol=2e-2)  # bf16
    states, mask = stacked(texts)
    assert mean_pooled(states, mask).shape == (4, WIDTH)


def test_tuning_aligns_pairs_resumes_and_leaves_the_lower_layers(model: BertModel, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    texts = random.normal(size=(16, 3, WIDTH)).astype(np.float32)
    ragged = Ragged(texts.reshape(-1, WIDTH), np.arange(17) * 3)
    features = random.normal(size=(16, 24)).astype(np.float32)

    def batches() -> Iterator[TextBatch]:
        rows, none = np.arange(16), np.zeros(0, int)
        while True:
            yield TextBatch(rows, features, rows, rows, none, none)

    torch.manual_seed(0)
    heads = JointHeads(24, WIDTH, 16, 0.0, 0.0)
    stage = TextStage(steps=30, frozen_layers=2, learning_rate=1e-3, head_learning_rate=1e-2, dropout=0.0, average=0.5, save_every=10)
    tuned, tuned_heads = tune_text_tower(model, heads, [ragged], batches(), pairs(stage.text_weight), stage, 1, tmp_path / "state")
    with torch.inference_mode():
        said = tuned_heads.text(UpperText(tuned, 2, 0.0).train(False)(list(texts)))
        seen = tuned_heads.picture(torch.from_numpy(features))
    assert ((said @ seen.T).argmax(1) == torch.arange(16)).float().mean() > 0.9
    assert torch.equal(tuned.encoder.layer[1].output.dense.weight, model.encoder.layer[1].output.dense.weight)
    assert not torch.equal(tuned.encoder.layer[3].output.dense.weight, model.encoder.layer[3].output.dense.weight)
    again, _ = tune_text_tower(
        model, heads, [ragged], batches(), pairs(stage.text_weight), stage, 1, tmp_path / "state"
    )  # finished: nothing is left to do
    assert torch.equal(again.encoder.layer[3].output.dense.weight, tuned.encoder.layer[3].output.dense.weight)
