"""BLIP, Florence-2, CoCa and chat models, loaded from disk: what they write is what the libraries write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmembed.backends import CAPTIONERS, implementation
from mmembed.compose import describe
from mmembed.errors import InvalidConfig, UnknownPair
from mmembed.generate.chat import prompts
from mmembed.generate.coca import CocaCaptioner
from mmembed.hub.running import Running
from mmembed.media.picture import Picture

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.torch

Checkpoint = Callable[[str], Path]


def photo(seed: int, width: int = 60, height: int = 44) -> Picture:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return Picture.from_array(np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)))


def captioner(folder: Path) -> Any:
    preset = describe(str(folder))
    made = implementation(CAPTIONERS, preset.backend)(preset, Running("cpu", "fp32"))
    for name in ("max_new_tokens", "caption_tokens", "translation_tokens"):  # random weights never come to an end
        if hasattr(made, name):
            setattr(made, name, 12)
    return made


PICTURES = [photo(1), photo(2, 40, 70)]


def test_blip_writes_what_the_library_writes(checkpoint: Checkpoint) -> None:
    folder = checkpoint("blip")
    model = transformers.BlipForConditionalGeneration.from_pretrained(folder).eval()
    images = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    tokens = transformers.AutoTokenizer.from_pretrained(folder)
    pixels = images(images=[Image.fromarray(one.pixels) for one in PICTURES], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        ids = model.generate(pixel_values=pixels, num_beams=3, max_new_tokens=12, max_length=None)
    wanted = [text.strip() for text in tokens.batch_decode(ids, skip_special_tokens=True)]
    found = captioner(folder).describe(PICTURES, "en", 3, 1)
    assert [candidates[0].text for candidates in found] == wanted
    assert all(wanted)


def test_florence2_writes_what_the_library_writes(checkpoint: Checkpoint) -> None:
    folder = checkpoint("florence2")
    model = transformers.Florence2ForConditionalGeneration.from_pretrained(folder).eval()
    processor = transformers.AutoProcessor.from_pretrained(folder, backend="pil")
    wanted = []
    for picture in PICTURES:
        inputs = processor(text="<CAPTION>", images=Image.fromarray(picture.pixels), return_tensors="pt")
        with torch.no_grad():
            ids = model.generate(**inputs, num_beams=3, max_new_tokens=12, max_length=None)
        wanted.append(processor.batch_decode(ids, skip_special_tokens=True)[0].strip())
    found = captioner(folder).describe(PICTURES, "en", 3, 2)
    assert [candidates[0].text for candidates in found] == wanted
    assert [len(candidates) for candidates in found] == [2, 2]


def test_chat_models_write_what_the_library_writes(checkpoint: Checkpoint) -> None:
    folder = checkpoint("chat")
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder).eval()
    processor = transformers.AutoProcessor.from_pretrained(folder)
    request = prompts().caption.format(language="German")
    assert "German" in request
    wanted = []
    for picture in PICTURES:
        content = [{"type": "image", "image": Image.fromarray(picture.pixels)}, {"type": "text", "text": request}]
        inputs = processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        with torch.no_grad():
            ids = model.generate(**inputs, num_beams=3, max_new_tokens=12, max_length=None, do_sample=False)
        text = processor.batch_decode(ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)[0]
        wanted.append(" ".join(text.strip().split("\n\n")[0].split()))
    found = captioner(folder).describe(PICTURES, "de", 3, 1)
    assert [candidates[0].text for candidates in found] == wanted
    assert wanted[0] != wanted[1]  # the pictures are looked at


def test_chat_models_translate_with_and_without_pictures(checkpoint: Checkpoint) -> None:
    chat = captioner(checkpoint("chat"))
    texts = ["a bat", "a bat", "a man"]
    mixed = chat.translate(texts, "de", "en", [PICTURES[0], None, PICTURES[1]], 1, 1)
    assert mixed[1][0] == chat.translate(["a bat"], "de", "en", None, 1, 1)[0][0]
    seen = chat.translate(["a bat"], "de", "en", [PICTURES[0]], 1, 1)[0][0]
    assert mixed[0][0].text == seen.text
    assert mixed[0][0].score != mixed[1][0].score
    with pytest.raises(UnknownPair, match="'tlh'"):
        chat.translate(["a"], "tlh", "en")


def test_a_model_without_chat_template_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    for file in checkpoint("chat").iterdir():
        if file.name != "chat_template.jinja":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(InvalidConfig, match="no chat template"):
        captioner(tmp_path).describe(PICTURES, "en")


def test_coca_writes_what_the_library_computes(checkpoint: Checkpoint) -> None:
    library = pytest.importorskip("open_clip", exc_type=(ImportError, RuntimeError))
    folder = checkpoint("coca")
    model, preprocess = library.create_model_from_pretrained(f"local-dir:{folder}")
    model.eval()
    tokens = library.get_tokenizer(f"local-dir:{folder}")
    wanted = []
    for picture in PICTURES:  # greedy, with open_clip's limits: at least 5 and at most 30 tokens
        text = torch.tensor([[tokens.sot_token_id]])
        with torch.no_grad():
            while text.shape[1] < 30 and text[0, -1] != tokens.eot_token_id:
                logits = model(preprocess(Image.fromarray(picture.pixels))[None], text, output_labels=False)["logits"][0, -1]
                if text.shape[1] < 5:
                    logits[tokens.eot_token_id] = -torch.inf
                text = torch.cat([text, logits.argmax()[None, None]], 1)
        wanted.append(tokens.decode([one for one in text[0].tolist()[1:] if one != tokens.eot_token_id]).strip())
    coca = captioner(folder)
    assert [candidates[0].text for candidates in coca.describe(PICTURES, "en", 1, 1)] == wanted
    assert coca.picture_size == 32
    lists = coca.describe(PICTURES, "en", 4, 3)
    assert all(len(candidates) == 3 and candidates[0].score >= candidates[2].score for candidates in lists)
    silent = CocaCaptioner(describe(str(checkpoint("open-clip"))), Running("cpu", "fp32"))
    with pytest.raises(InvalidConfig, match="writes no captions"):
        silent.describe(PICTURES, "en")
