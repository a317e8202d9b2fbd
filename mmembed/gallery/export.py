"""A gallery's items and vectors → files that other programs read."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mmembed.errors import GalleryError, MissingPackage
from mmembed.gallery.items import Item
from mmembed.gallery.store import Store
from mmembed.generate.base import Caption
from mmembed.media.read import as_image

_AT_ONCE = 1000


@dataclass(frozen=True)
class _Part:
    """Some items with their captions and vectors, float32 `[N, dim]`."""

    items: list[Item]
    captions: list[list[Caption]]
    vectors: np.ndarray


def export(store: Store, space: str, form: str, target: Path) -> int:
    """Write all items that have a vector of the space; returns how many.

    Args:
        store: the gallery's.
        space: identity of the space.
        form: "parquet", one file; "npy", a folder with `vectors.npy` and `items.jsonl` in the same order; "datasets", a folder
            for `datasets.load_from_disk`, with the photos as far as they can be had.
        target: what to make; must not exist yet.

    Raises:
        GalleryError: the target exists or cannot be written, or the space has no vectors here.
        MissingPackage: the form needs pyarrow or datasets.
    """
    if target.exists():
        raise GalleryError(f"{target} exists already; choose another name, or remove it first.")
    dim = store.dims().get(space)
    if dim is None:
        raise GalleryError(f"The gallery has no vectors of {space!r}; it has some of {', '.join(store.spaces()) or 'no space'}.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".mmembed-", dir=target.parent) as scratch:  # what is half written never has the target's name
            made = Path(scratch) / target.name
            count = _WRITERS[form](store, space, dim, made)
            shutil.move(made, target)
    except OSError as error:
        raise GalleryError(f"{target} cannot be written: {error.strerror or error}.") from error
    return count


def _parts(store: Store, space: str, dim: int) -> Iterator[_Part]:
    ids = np.sort(store.changes(space, dim, None).ids) if store.count_vectors(space) else np.empty(0, np.int64)
    for start in range(0, len(ids), _AT_ONCE):
        items = store.items_by_id(ids[start : start + _AT_ONCE].tolist())
        numbers, vectors = store.vectors_of(space, dim, list(items))
        order = np.argsort(numbers)
        chosen = [items[int(numbers[row])] for row in order]
        yield _Part(chosen, [store.captions(item.fingerprint) for item in chosen], vectors[order])


def _write_parquet(store: Store, space: str, dim: int, target: Path) -> int:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackage("pyarrow", "export", "Writing Parquet") from error
    caption = arrow.struct([("language", arrow.string()), ("text", arrow.string())])
    schema = arrow.schema(
        [
            ("path", arrow.string()),
            ("paths", arrow.list_(arrow.string())),
            ("fingerprint", arrow.string()),
            ("size", arrow.int64()),
            ("width", arrow.int32()),
            ("height", arrow.int32()),
            ("taken", arrow.timestamp("us")),
            ("captions", arrow.list_(caption)),
            ("vector", arrow.list_(arrow.float32(), dim)),
        ],
        metadata={"space": space},
    )
    count = 0
    with parquet.ParquetWriter(target, schema) as writer:
        for part in _parts(store, space, dim):
            columns = [
                [_text(item.paths[0]) for item in part.items],
                [[_text(path) for path in item.paths] for item in part.items],
                [item.fingerprint for item in part.items],
                [item.size for item in part.items],
                [item.width for item in part.items],
                [item.height for item in part.items],
                [item.taken for item in part.items],
                [[{"language": one.language, "text": one.text} for one in captions] for captions in part.captions],
                arrow.FixedSizeListArray.from_arrays(arrow.array(part.vectors.reshape(-1)), dim),
            ]
            arrays = [arrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            count += len(part.items)
    return count


def _write_npy(store: Store, space: str, dim: int, target: Path) -> int:
    target.mkdir()
    ids = store.changes(space, dim, None).ids
    vectors = np.lib.format.open_memmap(target / "vectors.npy", "w+", np.float32, (len(ids), dim))
    count = 0
    with open(target / "items.jsonl", "w", encoding="utf-8") as file:
        for part in _parts(store, space, dim):
            vectors[count : count + len(part.items)] = part.vectors
            count += len(part.items)
            for item, captions in zip(part.items, part.captions, strict=True):
                fields = {
                    "path": _text(item.paths[0]),
                    "paths": [_text(path) for path in item.paths],
                    "fingerprint": item.fingerprint,
                    "size": item.size,
                    "width": item.width,
                    "height": item.height,
                    "taken": item.taken.isoformat() if item.taken else None,
                    "captions": {one.language: one.text for one in captions},
                }
                file.write(json.dumps(fields, ensure_ascii=False) + "\n")
    vectors.flush()
    return count


def _write_datasets(store: Store, space: str, dim: int, target: Path) -> int:
    try:
        import datasets
    except ImportError as error:
        raise MissingPackage("datasets", "export", "Writing a folder for datasets") from error
    from mmembed.hub.dataset import quiet_writing

    with TemporaryDirectory(prefix=".mmembed-", dir=target.parent) as scratch:
        table = Path(scratch) / "gallery.parquet"
        count = _write_parquet(store, space, dim, table)
        with quiet_writing():
            rows = datasets.Dataset.from_parquet(str(table), cache_dir=str(Path(scratch) / "cache"))
            features = datasets.Features({**rows.features, "image": datasets.Image()})
            rows = rows.map(
                lambda row: {"image": as_image(row["path"])}, features=features, cache_file_name=str(Path(scratch) / "images.arrow")
            )
            rows.save_to_disk(str(target))
    return count


def _text(path: Path) -> str:
    """A name that is not Unicode has its odd bytes written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


_WRITERS: dict[str, Callable[[Store, str, int, Path], int]] = {
    "parquet": _write_parquet,
    "npy": _write_npy,
    "datasets": _write_datasets,
}
FORMS = tuple(_WRITERS)
