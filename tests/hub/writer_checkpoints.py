"""Tiny translators and captioners, as `checkpoints` makes tiny spaces."""

from __future__ import annotations

import json
from pathlib import Path

from tests.hub.checkpoints import SENTENCES, VISION, m2m_config, nllb, seeded, sentencepiece_model, word_tokenizer


def marian(folder: Path) -> Path:
    """opus-mt English to German: two SentencePiece models over one vocabulary, padding as the first token."""
    return _marian(folder / "opus-mt-en-de", [])


def marian_multi(folder: Path) -> Path:
    """opus-mt from English to several languages: the target is a sign before the text."""
    return _marian(folder / "opus-mt-en-mul", [">>deu<<", ">>fra<<"])


def _marian(folder: Path, signs: list[str]) -> Path:
    from transformers import MarianConfig, MarianMTModel

    folder.mkdir(parents=True)
    for side in ("source", "target"):
        sentencepiece_model(folder / f"{side}.spm", unk_id=0, bos_id=-1, eos_id=-1, pad_id=-1)
    import sentencepiece as spm

    processor = spm.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    pieces = [processor.id_to_piece(index) for index in range(processor.get_piece_size())]
    words = ["</s>", "<unk>", *signs, *(piece for piece in pieces if piece != "<unk>"), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}), encoding="utf-8")
    languages = {} if signs else {"source_lang": "eng", "target_lang": "deu"}
    settings = {"tokenizer_class": "MarianTokenizer", "model_max_length": 64, "source_lang": "eng", **languages}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    pad = len(words) - 1
    config = MarianConfig(
        vocab_size=len(words), d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=64, pad_token_id=pad, eos_token_id=0,
        decoder_start_token_id=pad, forced_eos_token_id=0, scale_embedding=True,
    )  # fmt: skip
    model = seeded(MarianMTModel, config)
    model.generation_config.bad_words_ids = [[pad]]
    model.save_pretrained(folder)
    return folder


def m2m100(folder: Path) -> Path:
    """M2M100: SentencePiece, `vocab.json`, a hundred signs such as `__de__` at the end of the vocabulary."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, M2M100Tokenizer

    folder.mkdir(parents=True)
    sentencepiece_model(folder / "sentencepiece.bpe.model", unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    import sentencepiece as spm

    processor = spm.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
    words = ["<s>", "<pad>", "</s>", "<unk>", *(processor.id_to_piece(index) for index in range(3, processor.get_piece_size()))]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}), encoding="utf-8")
    tokens = M2M100Tokenizer(str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"))
    tokens.save_pretrained(folder)
    config = m2m_config(M2M100Config, len(words) + len(tokens.lang_code_to_id) + 8)
    seeded(M2M100ForConditionalGeneration, config).save_pretrained(folder)
    return folder


def blip(folder: Path) -> Path:
    """BLIP: a BERT tokenizer, a text decoder that looks at the picture."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import BertTokenizerFast, BlipConfig, BlipForConditionalGeneration, BlipImageProcessor

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]"]
    raw = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=150, special_tokens=specials, show_progress=False))
    raw.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokens = BertTokenizerFast(tokenizer_object=raw, vocab=raw.get_vocab())
    tokens.save_pretrained(folder)
    text = {
        "vocab_size": raw.get_vocab_size(), "hidden_size": 32, "encoder_hidden_size": 32, "intermediate_size": 64, "projection_dim": 32,
        "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64, "bos_token_id": 5, "eos_token_id": 2,
        "pad_token_id": 0, "sep_token_id": 3,
    }  # fmt: skip
    config = BlipConfig(text_config=text, vision_config={**VISION, "projection_dim": 32}, projection_dim=32)
    seeded(BlipForConditionalGeneration, config).save_pretrained(folder)
    BlipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def florence2(folder: Path) -> Path:
    """Florence-2: a DaViT that feeds a BART."""
    from transformers import CLIPImageProcessor, Florence2Config, Florence2ForConditionalGeneration, Florence2Processor

    tokens = word_tokenizer(
        ["<s>", "<pad>", "</s>", "<unk>", "<image>"], "<s> $A </s>", pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        extra_special_tokens={"image_token": "<image>"},
    )  # fmt: skip
    images = CLIPImageProcessor(size={"height": 64, "width": 64}, do_center_crop=False)
    images.image_seq_length = 5
    Florence2Processor(image_processor=images, tokenizer=tokens).save_pretrained(folder)
    text = {
        "model_type": "bart", "vocab_size": len(tokens), "d_model": 32, "encoder_layers": 1, "decoder_layers": 1,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
        "max_position_embeddings": 128, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2,
        "forced_eos_token_id": 2,
    }  # fmt: skip
    vision = {
        "depths": [1, 1, 1, 1], "embed_dim": [8, 16, 16, 32], "num_heads": [1, 2, 2, 2], "num_groups": [1, 2, 2, 2],
        "projection_dim": 32, "window_size": 4, "max_position_embeddings": 10,
    }  # fmt: skip
    config = Florence2Config(text_config=text, vision_config=vision, image_token_id=tokens.convert_tokens_to_ids("<image>"))
    seeded(Florence2ForConditionalGeneration, config).save_pretrained(folder)
    return folder


def chat(folder: Path) -> Path:
    """An image-text-to-text chat model: LLaVA with a chat template."""
    from transformers import CLIPImageProcessor, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    tokens = word_tokenizer(
        ["<pad>", "<s>", "</s>", "<unk>", "<image>"], "<s> $A", pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        extra_special_tokens={"image_token": "<image>"},
    )  # fmt: skip
    template = (
        "{% for message in messages %}{{ message.role }}: {% for part in message.content %}{% if part.type == 'image' %}<image> "
        "{% else %}{{ part.text }}{% endif %}{% endfor %} {% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
    )
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = LlavaProcessor(images, tokens, patch_size=8, vision_feature_select_strategy="default", chat_template=template)
    processor.num_additional_image_tokens = 1
    processor.save_pretrained(folder)
    config = LlavaConfig(
        vision_config={"model_type": "clip_vision_model", **VISION, "projection_dim": 32},
        text_config={
            "model_type": "llama", "vocab_size": len(tokens), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 512, "pad_token_id": 0, "bos_token_id": 1,
            "eos_token_id": 2,
        },
        image_token_id=tokens.convert_tokens_to_ids("<image>"), vision_feature_layer=-1,
    )  # fmt: skip
    seeded(LlavaForConditionalGeneration, config).save_pretrained(folder)
    return folder


TRANSLATORS = {"marian": marian, "marian-multi": marian_multi, "m2m100": m2m100, "nllb": nllb}
CAPTIONERS = {"blip": blip, "florence2": florence2, "chat": chat}
