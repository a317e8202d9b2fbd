"""Trimmed vocabularies as SentencePiece models: the text tower's (from the pretrained pieces) and the decoder's."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as model_pb2

from mmembed.errors import InvalidData, MissingPackage
from mmembed.learn.backbones.e5 import Pieces
from mmembed.space.text import MASK, PREFIX

_SCRIPTS = ("LATIN", "ARABIC", "CJK UNIFIED", "DIGIT")


def _normalizer() -> model_pb2.NormalizerSpec:
    """SentencePiece's nmt_nfkc rules, which XLM-R's vocabulary was made with."""
    buffer = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c d e f g"]),
        model_writer=buffer,
        vocab_size=11,
        hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc",
        minloglevel=2,
    )
    model = model_pb2.ModelProto()
    model.ParseFromString(buffer.getvalue())
    return model.normalizer_spec


def unigram_model(pieces: Pieces, keep: Iterable[int] | None = None) -> bytes:
    """A SentencePiece unigram model of the kept pieces; its ids are the positions in `keep` (default: all)."""
    model = model_pb2.ModelProto()
    model.normalizer_spec.CopyFrom(_normalizer())
    model.trainer_spec.model_type = model_pb2.TrainerSpec.UNIGRAM
    special = {pieces.bos: "bos", pieces.eos: "eos", pieces.pad: "pad", pieces.unk: "unk"}
    keep = list(keep) if keep is not None else list(range(len(pieces.texts)))
    for new, old in enumerate(keep):
        piece = model.pieces.add(piece=pieces.texts[old], score=float(pieces.scores[old]))
        if old in special:
            piece.type = model_pb2.ModelProto.SentencePiece.UNKNOWN if old == pieces.unk else model_pb2.ModelProto.SentencePiece.CONTROL
            setattr(model.trainer_spec, f"{special[old]}_id", new)
        elif piece.piece == MASK:
            piece.type = model_pb2.ModelProto.SentencePiece.USER_DEFINED
    model.trainer_spec.vocab_size = len(keep)
    return model.SerializeToString()


def frequent_words(languages: Iterable[str], count: int) -> Iterable[str]:
    """The `count` most frequent words of each language (package `wordfreq`, Speer 2022), also capitalised.

    Raises:
        MissingPackage: `wordfreq` is not installed.
    """
    try:
        from wordfreq import top_n_list
    except ImportError as error:
        raise MissingPackage("wordfreq", "train", "trimming the vocabulary") from error
    for language in languages:
        for word in top_n_list(language, count):
            yield word
            yield word.capitalize()


def trimmed_pieces(pieces: Pieces, texts: Iterable[str]) -> list[int]:
    """Ids of the pieces to keep: specials, single characters of the served scripts, and all that `texts` use."""
    processor = spm.SentencePieceProcessor(model_proto=unigram_model(pieces))
    keep = set(range(4)) | {pieces.texts.index(MASK)}
    for index, text in enumerate(pieces.texts):
        bare = text.lstrip("▁")
        if len(bare) <= 1 and (not bare or _served(bare)):
            keep.add(index)
    for ids in processor.encode([PREFIX, *texts]):
        keep.update(ids)
    return sorted(keep)


def _served(character: str) -> bool:
    if unicodedata.category(character)[0] in "PSN":
        return True
    return unicodedata.name(character, "").startswith(_SCRIPTS)


def train_pieces(texts: Iterable[str], size: int, languages: Iterable[str], path: Path) -> None:
    """Train the decoder's shared unigram vocabulary, with `<mask>` and one tag a language as whole pieces.

    Raises:
        InvalidData: there are too few texts, or too few pieces for their characters.
    """
    buffer = io.BytesIO()
    try:
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=buffer,
            vocab_size=size,
            model_type="unigram",
            hard_vocab_limit=False,  # small data sets have fewer pieces than asked for
            character_coverage=0.9998,
            normalization_rule_name="nmt_nfkc",
            pad_id=1,
            bos_id=0,
            eos_id=2,
            unk_id=3,
            byte_fallback=True,
            user_defined_symbols=[MASK],
            control_symbols=[language_tag(language) for language in languages],
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = str(error).rsplit("] ", 1)[-1]
        raise InvalidData(f"No vocabulary of {size} pieces can be made of these texts: {reason}; change `vocabulary`.") from error
    path.write_bytes(buffer.getvalue())


def language_tag(language: str) -> str:
    """The control piece that starts a text in `language`, such as `<de>`."""
    return f"<{language}>"


def shared_pieces(pieces: spm.SentencePieceProcessor) -> list[int]:
    """Ids that a text in any language may need: the end, bytes, and single ASCII characters (for names and numbers)."""
    ids = [pieces.eos_id()]
    for index in range(pieces.get_piece_size()):
        bare = pieces.id_to_piece(index).lstrip("▁")
        if pieces.is_byte(index) or (len(bare) <= 1 and bare.isascii() and not pieces.is_control(index)):
            ids.append(index)
    return ids
