"""The same few pictures and captions as a dataset in each form that is read from the disk."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from tests.fakes import colour_picture

NAMES = ("red", "green", "blue", "yellow")


def png(name: str) -> bytes:
    """A picture of one colour."""
    buffer = io.BytesIO()
    Image.fromarray(colour_picture(name).pixels).save(buffer, "PNG")
    return buffer.getvalue()


def parquet(folder: Path, names: Sequence[str] = NAMES) -> Path:
    """Columns image, caption (several) and german (one); the first picture comes twice, and the last row has none."""
    import datasets

    rows = [*names, names[0]]
    content = {
        "image": [*({"bytes": png(name), "path": f"{name}.png"} for name in rows), None],
        "caption": [*([f"{name} wall", f" {name}\tdoor "] for name in rows), ["nothing"]],
        "german": [*(f"{name} Wand" for name in rows), None],
    }
    texts = {"caption": datasets.List(datasets.Value("string")), "german": datasets.Value("string")}
    features = datasets.Features({"image": datasets.Image(decode=False), **texts})
    table = datasets.Dataset.from_dict(content, features=features).cast_column("image", datasets.Image())
    table.to_parquet(str(folder / "table.parquet"))
    return folder / "table.parquet"


def webdataset(folder: Path, names: Sequence[str] = NAMES) -> Path:
    """Pictures, a text of each, and a JSON file that says the same."""
    with tarfile.open(folder / "shard.tar", "w") as archive:
        for name in names:
            said = {"german": f"{name} Wand"}
            for ending, data in (("png", png(name)), ("txt", f"{name} wall".encode()), ("json", json.dumps(said).encode())):
                entry = tarfile.TarInfo(f"{name}.{ending}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return folder / "shard.tar"


def imagefolder(folder: Path, names: Sequence[str] = NAMES) -> Path:
    """Pictures and metadata.jsonl, with a column for the language."""
    place = folder / "folder"
    place.mkdir()
    for name in names:
        (place / f"{name}.png").write_bytes(png(name))
    lines = [{"file_name": f"{name}.png", "text": f"{name} wall", "german": f"{name} Wand", "lang": "en"} for name in names]
    (place / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return place


FORMS: tuple[Callable[[Path], Path], ...] = (parquet, webdataset, imagefolder)
