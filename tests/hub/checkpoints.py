"""Tiny randomly initialised models, saved in the hub's own file layout, with tokenizers trained on a few sentences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

SENTENCES = [
    "two dogs run through the snow", "a man rides a red motorcycle", "a child in a yellow coat plays in the sand",
    "ein Hund läuft am Strand", "zwei Männer spielen Fußball", "un homme fait du vélo", "dva psi běží po trávě",
    "a woman with a camera looks at the sea", "the black cat sleeps on a white chair", "people walk across the street",
]  # fmt: skip
VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def seeded(kind: Any, config: Any, gain: float = 4.0) -> Any:
    """A model with reproducible random weights, enlarged by `gain` so that its outputs differ."""
    import torch

    torch.manual_seed(0)
    model = kind(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() >= 2 and "embed" not in name:
                weight.mul_(gain)
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


def siglip_calm(folder: Path) -> Path:
    """SigLIP with smaller weights, in which rounding errors do not grow as in no trained model."""
    return siglip(folder, gain=2.0)


def siglip(folder: Path, gain: float = 4.0) -> Path:
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
    seeded(SiglipModel, config, gain).save_pretrained(folder)
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


def open_clip(folder: Path, gain: float = 4.0) -> Path:
    """open_clip with CLIP's own tokenizer, which ships with the library."""
    config = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    }
    return _save_open_clip(folder, config, gain)


def open_clip_siglip(folder: Path, gain: float = 4.0) -> Path:
    """SigLIP in open_clip: a tokenizer of its own, 64 positions, a bias."""
    folder.mkdir(parents=True)
    tokens = word_tokenizer(["<pad>", "</s>", "<unk>"], "$A </s>", pad_token="<pad>", eos_token="</s>")
    tokens.save_pretrained(folder)
    config = {
        "embed_dim": 32, "init_logit_bias": -10, "custom_text": True,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
        "text_cfg": {
            "context_length": 64, "vocab_size": len(tokens), "hf_tokenizer_name": "timm/tiny",
            "tokenizer_kwargs": {"clean": "canonicalize"}, "width": 32, "heads": 2, "layers": 2, "no_causal_mask": True,
            "proj_bias": True, "pool_type": "last",
        },
    }  # fmt: skip
    return _save_open_clip(folder, config, gain)


def open_clip_roberta(folder: Path, gain: float = 4.0) -> Path:
    """open_clip with a text tower of transformers, whose configuration is in another repository on the hub."""
    from transformers import XLMRobertaConfig

    folder.mkdir(parents=True)
    tokens = word_tokenizer(["<s>", "<pad>", "</s>", "<unk>"], "<s> $A </s>", pad_token="<pad>", eos_token="</s>", bos_token="<s>")
    tokens.save_pretrained(folder)
    XLMRobertaConfig(**TEXT, vocab_size=len(tokens), max_position_embeddings=90, pad_token_id=1).save_pretrained(folder)
    config = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
        "text_cfg": {
            "hf_model_name": "FacebookAI/xlm-roberta-base",
            "hf_tokenizer_name": "FacebookAI/xlm-roberta-base",
            "hf_pooler_type": "mean_pooler",
        },
    }
    return _save_open_clip(folder, config, gain)


def open_clip_nllb(folder: Path, gain: float = 4.0) -> Path:
    """NLLB-CLIP: the text tower is the encoder of a translator, with its tokenizer, beside SigLIP's loss."""
    nllb(folder)
    (folder / "model.safetensors").unlink()
    config = {
        "embed_dim": 24, "custom_text": True, "init_logit_bias": -10,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
        "text_cfg": {
            "hf_model_name": "facebook/nllb-200-distilled-600M", "hf_tokenizer_name": "facebook/nllb-200-distilled-600M",
            "hf_proj_type": "linear", "hf_pooler_type": "cls_pooler", "context_length": 62,
        },
    }  # fmt: skip
    return _save_open_clip(folder, config, gain)


def open_clip_timm(folder: Path, gain: float = 1.5) -> Path:
    """A picture tower of timm, as SigLIP and MobileCLIP have in open_clip."""
    config = {
        "embed_dim": 24,
        "vision_cfg": {
            "image_size": 32, "timm_model_name": "test_vit", "timm_model_pretrained": False, "timm_pool": "", "timm_proj": "linear",
        },
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    }  # fmt: skip
    return _save_open_clip(folder, config, gain)


def coca(folder: Path, gain: float = 4.0) -> Path:
    """CoCa: a space that also writes."""
    config = {
        "embed_dim": 32, "custom_text": True,
        "vision_cfg": {
            "image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16, "attentional_pool": True,
            "attn_pooler_heads": 2, "output_tokens": True,
        },
        "text_cfg": {
            "context_length": 76, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2, "embed_cls": True, "output_tokens": True,
        },
        "multimodal_cfg": {"context_length": 76, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2, "attn_pooler_heads": 2},
    }  # fmt: skip
    return _save_open_clip(folder, config, gain)


def _save_open_clip(folder: Path, config: dict[str, Any], gain: float = 4.0) -> Path:
    import torch
    from open_clip import CLIP, CoCa, CustomTextCLIP
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    parts = {key: value for key, value in config.items() if key != "custom_text"}
    parts["text_cfg"] = {key: value for key, value in config["text_cfg"].items() if key not in ("hf_tokenizer_name", "tokenizer_kwargs")}
    if "hf_model_name" in parts["text_cfg"]:
        parts["text_cfg"] = {**config["text_cfg"], "hf_model_name": str(folder), "hf_model_pretrained": False}
    custom = config.get("custom_text") or "hf_model_name" in parts["text_cfg"]
    kind = CoCa if "multimodal_cfg" in config else CustomTextCLIP if custom else CLIP
    torch.manual_seed(0)
    model = kind(**parts)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name == "text_decoder.text_projection":  # CoCa's, which the library leaves uninitialised
                weight.normal_(std=0.2)
            if weight.dim() >= 2 and "embed" not in name:
                weight.mul_(gain)
    save_file({name: value.contiguous().clone() for name, value in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    preprocess = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28], "interpolation": "bicubic", "resize_mode": "shortest"}
    content = {"model_cfg": config, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def nllb(folder: Path) -> Path:
    """NLLB-200: a fast tokenizer whose signs are FLORES-200 codes, on the architecture of M2M100."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Metaspace()
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    raw.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=150, special_tokens=specials, show_progress=False))
    model = json.loads(raw.to_str())["model"]
    tokens = NllbTokenizer(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]], model_max_length=64)
    tokens.save_pretrained(folder)
    seeded(M2M100ForConditionalGeneration, m2m_config(M2M100Config, len(tokens))).save_pretrained(folder)
    return folder


def m2m_config(kind: Any, vocabulary: int) -> Any:
    return kind(
        vocab_size=vocabulary, d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=64, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        decoder_start_token_id=2, scale_embedding=True,
    )  # fmt: skip


SPACES = {"clip": clip, "siglip": siglip, "siglip2": siglip2, "siglip2-naflex": siglip2_flexible, "metaclip2": metaclip2}
OPEN_CLIP = {
    "open-clip": open_clip, "open-clip-siglip": open_clip_siglip, "open-clip-roberta": open_clip_roberta,
    "open-clip-nllb": open_clip_nllb, "open-clip-timm": open_clip_timm, "coca": coca,
}  # fmt: skip
# With smaller weights, in which rounding errors do not grow as in no trained model.
CALM = {f"{name}-calm": partial(make, gain=1.5) for name, make in OPEN_CLIP.items()}
MAKERS = {**SPACES, **OPEN_CLIP, **CALM, "siglip-calm": siglip_calm}
