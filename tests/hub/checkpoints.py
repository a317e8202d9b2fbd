"""Tiny randomly initialised models, saved in the hub's own file layout, with tokenizers trained on a few sentences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SENTENCES = [
    "two dogs run through the snow", "a man rides a red motorcycle", "a child in a yellow coat plays in the sand",
    "ein Hund läuft am Strand", "zwei Männer spielen Fußball", "un homme fait du vélo", "dva psi běží po trávě",
    "a woman with a camera looks at the sea", "the black cat sleeps on a white chair", "people walk across the street",
]  # fmt: skip
VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def seeded(kind: Any, config: Any) -> Any:
    """A model with reproducible random weights, large enough that its outputs differ."""
    import torch

    torch.manual_seed(0)
    model = kind(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() >= 2 and "embed" not in name:
                weight.mul_(4)
    return model


def word_tokenizer(specials: Sequence[str], template: str, size: int = 200, **settings: Any) -> Any:
    """A fast tokenizer: byte-pair encoding over bytes, trained on SENTENCES, that puts `template` (with $A) around a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokens = Tokenizer(models.BPE(unk_token=specials[-1]))
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokens.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=256 + size, special_tokens=list(specials), initial_alphabet=alphabet, show_progress=False)
    tokens.train_from_iterator(SENTENCES, trainer)
    ends = [(name, tokens.token_to_id(name)) for name in specials]
    tokens.post_processor = processors.TemplateProcessing(single=template, special_tokens=ends)
    return PreTrainedTokenizerFast(tokenizer_object=tokens, unk_token=specials[-1], **settings)


def clip(folder: Path) -> Path:
    """CLIP: its own byte-pair tokenizer as `vocab.json` and `merges.txt`, summary at the end sign, 77 positions."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    tokens = word_tokenizer(["<|startoftext|>", "<|endoftext|>"], "<|startoftext|> $A <|endoftext|>")
    backend = tokens.backend_tokenizer
    folder.mkdir(parents=True)
    _save_clip_tokenizer(folder, backend)
    end = backend.token_to_id("<|endoftext|>")
    config = CLIPConfig(
        text_config={
            **TEXT, "vocab_size": backend.get_vocab_size(), "max_position_embeddings": 77, "eos_token_id": end,
            "bos_token_id": end - 1, "pad_token_id": end,
        },
        vision_config=VISION, projection_dim=24,
    )  # fmt: skip
    seeded(CLIPModel, config).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def _save_clip_tokenizer(folder: Path, backend: Any) -> None:
    from transformers import CLIPTokenizer

    model = json.loads(backend.to_str())["model"]
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in model["merges"]]
    CLIPTokenizer(vocab=model["vocab"], merges=merges).save_pretrained(folder)


def siglip(folder: Path) -> Path:
    """SigLIP: SentencePiece, 64 positions, always filled up, summary at the last one; sigmoid loss with a bias."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel, SiglipTokenizer

    folder.mkdir(parents=True)
    file = sentencepiece_model(folder / "spiece.model", pad_id=1, unk_id=2, eos_id=0, bos_id=-1)
    tokens = SiglipTokenizer(str(file), model_max_length=64)
    tokens.save_pretrained(folder)
    config = SiglipConfig(
        text_config={**TEXT, "vocab_size": len(tokens), "max_position_embeddings": 64, "projection_size": 32},
        vision_config=VISION,
    )  # fmt: skip
    seeded(SiglipModel, config).save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def siglip2(folder: Path) -> Path:
    """SigLIP 2, the variant with a fixed resolution: a SigLIP model with Gemma's tokenizer (byte-pair, padded to the right)."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    tokens = word_tokenizer(["<pad>", "<eos>", "<bos>", "<unk>"], "$A <eos>", pad_token="<pad>", eos_token="<eos>", padding_side="right")
    tokens.save_pretrained(folder)
    config = SiglipConfig(
        text_config={**TEXT, "vocab_size": len(tokens), "max_position_embeddings": 64, "projection_size": 32}, vision_config=VISION
    )
    seeded(SiglipModel, config).save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def siglip2_flexible(folder: Path) -> Path:
    """SigLIP 2, the variant that keeps the aspect ratio (NaFlex)."""
    from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Model

    tokens = word_tokenizer(["<pad>", "<eos>", "<bos>", "<unk>"], "$A <eos>", pad_token="<pad>", eos_token="<eos>", padding_side="right")
    tokens.save_pretrained(folder)
    vision = {**VISION, "num_patches": 16}
    vision.pop("image_size")
    config = Siglip2Config(
        text_config={**TEXT, "vocab_size": len(tokens), "max_position_embeddings": 64, "projection_size": 32}, vision_config=vision
    )
    seeded(Siglip2Model, config).save_pretrained(folder)
    Siglip2ImageProcessor(patch_size=8, max_num_patches=16).save_pretrained(folder)
    return folder


def metaclip2(folder: Path) -> Path:
    """MetaCLIP 2: CLIP with a multilingual SentencePiece vocabulary."""
    from transformers import CLIPImageProcessor, MetaClip2Config, MetaClip2Model

    tokens = word_tokenizer(
        ["<s>", "<pad>", "</s>", "<unk>"], "<s> $A </s>", pad_token="<pad>", eos_token="</s>", bos_token="<s>", model_max_length=77
    )
    tokens.save_pretrained(folder)
    config = MetaClip2Config(
        text_config={**TEXT, "vocab_size": len(tokens), "max_position_embeddings": 77, "eos_token_id": 2}, vision_config=VISION,
        projection_dim=24,
    )  # fmt: skip
    seeded(MetaClip2Model, config).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def sentencepiece_model(path: Path, **settings: Any) -> Path:
    """A SentencePiece model trained on SENTENCES."""
    import sentencepiece as spm

    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 3), model_prefix=str(path.with_suffix("")), vocab_size=110, character_coverage=1.0,
        hard_vocab_limit=False, minloglevel=2, num_threads=1, **settings,
    )  # fmt: skip
    trained = path.with_suffix(".model")
    if trained != path:
        trained.rename(path)
    path.with_suffix(".vocab").unlink(missing_ok=True)
    return path


SPACES = {"clip": clip, "siglip": siglip, "siglip2": siglip2, "siglip2-naflex": siglip2_flexible, "metaclip2": metaclip2}
MAKERS = {**SPACES}
