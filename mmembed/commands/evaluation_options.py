"""What the `eval` commands share: options, and the tables they name."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmembed.commands.terminal import EXISTING, EXISTING_FILE, column_option, dataset_option, remark, separated
from mmembed.errors import InvalidData
from mmembed.evaluate.pictures import remembering
from mmembed.evaluate.tables import CaptionRow, LabelRow, read_captions, read_labels, read_lines, read_split, select
from mmembed.model import Model

if TYPE_CHECKING:
    from mmembed.hub.layout import Wanted

_IMAGES: dict[str, Any] = {"type": EXISTING, "metavar": "DIR", "help": "Folder or .zip of pictures; names may differ in their suffix."}
_CAPTIONS: dict[str, Any] = {
    "type": EXISTING_FILE,
    "metavar": "FILE.tsv",
    "help": "Table (or .tsv.xz) with the columns image, lang, caption.",
}
images_option = click.option("--images", required=True, **_IMAGES)
some_images_option = click.option("--images", **_IMAGES)
some_captions_option = click.option("--captions", **_CAPTIONS)
source_option = click.option(
    "--source",
    "sources",
    multiple=True,
    callback=separated,
    metavar="NAME",
    help="Only captions whose column `source` says this.",
)
splits_option = click.option("--splits", type=EXISTING_FILE, metavar="FILE.tsv", help="Table with the columns image, split.")
split_option = click.option("--split", metavar="NAME", help="Only pictures of this split (or part of the dataset), such as test.")

several_splits_option = click.option(
    "--split",
    multiple=True,
    callback=separated,
    metavar="NAME",
    help="Only these splits (or parts of the dataset); repeatable, or with commas.",
)


def languages_option(**settings: Any) -> Callable[[Any], Any]:
    """`--lang`: repeatable, or with commas."""
    return click.option("--lang", "languages", multiple=True, callback=separated, metavar="CODE", **settings)


def load(preset: str) -> Model:
    """The model to measure; it embeds each picture and each text once."""
    import mmembed

    return remembering(mmembed.load(preset))


def captions_of(table: Path, splits: Path | None, chosen: Sequence[str]) -> tuple[list[CaptionRow], list[str]]:
    """Rows of a caption table, and the pictures to search among: those of the chosen splits, or all that the table names."""
    if chosen and splits is None:
        raise click.UsageError("A split needs --splits FILE.tsv.")
    rows = read_captions(table)
    if splits is None or not chosen:
        return rows, list(dict.fromkeys(row.image for row in rows))
    names = [name for split in chosen for name in read_split(splits, split)]
    return select(rows, names), names


@dataclass(frozen=True)
class Given:
    """What to evaluate on.

    Attributes:
        name: what to call it in messages.
        images: folder or zip file of the pictures.
        captions: their table.
        splits: table of splits, if some of the pictures were chosen by it.
        chosen: those splits.
    """

    name: str
    images: Path
    captions: Path
    splits: Path | None = None
    chosen: tuple[str, ...] = ()

    def read(self) -> tuple[list[CaptionRow], list[str]]:
        """As `captions_of`."""
        return captions_of(self.captions, self.splits, self.chosen)


@dataclass(frozen=True)
class DatasetChoice:
    """The dataset to evaluate on, as the options name it; `--split` says which part."""

    name: str
    column: str | None
    captions: dict[str, tuple[str, ...]]
    rows: int | None

    def wanted(self, splits: Sequence[str]) -> Wanted:
        """Which parts of it; of a hub's dataset `test`, unless others are named."""
        from mmembed.hub.dataset import is_local
        from mmembed.hub.layout import Wanted

        parts = splits or ("train" if is_local(self.name) else "test",)
        return Wanted(self.name, {part: part for part in parts}, self.column, self.captions, self.rows)


def dataset_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--dataset`, `--column`, `--text-column` and `--rows`, handed on as one `dataset`, a DatasetChoice or None."""

    @functools.wraps(command)
    def chosen(dataset: str | None, column: str | None, texts: tuple[str, ...], rows: int | None, **others: Any) -> Any:
        if not dataset and (column or texts or rows):
            raise click.UsageError("--column, --text-column and --rows go with --dataset.")
        captions: dict[str, tuple[str, ...]] = {}
        for language, _, name in (text.rpartition("=") for text in texts):
            captions[language] = (*captions.get(language, ()), name)
        return command(dataset=DatasetChoice(dataset, column, captions, rows) if dataset else None, **others)

    text_help = (
        "Which of the dataset's columns has the captions, and in which language; repeatable, or with commas. "
        "By default caption, text or the like, in the language that the column lang says, or English."
    )
    text_option = click.option("--text-column", "texts", multiple=True, callback=separated, metavar="[LANG=]NAME", help=text_help)
    rows_option = click.option("--rows", type=click.IntRange(min=1), metavar="N", help="Only the first N rows of the dataset.")
    decorated: Callable[..., Any] = dataset_option(column_option(text_option(rows_option(chosen))))
    return decorated


def given_options(split: Callable[[Any], Any] = split_option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of `given`, handed on as one `chosen`: what it makes of them, to be entered."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def chosen(images: Any, captions: Any, splits: Any, split: Any, dataset: Any, **others: Any) -> Any:
            return command(chosen=given(images, captions, splits, split, dataset), **others)

        decorated: Callable[..., Any] = some_images_option(some_captions_option(splits_option(split(dataset_options(chosen)))))
        return decorated

    return decorate


@contextmanager
def given(
    images: Path | None, captions: Path | None, splits: Path | None, split: str | Sequence[str] | None, dataset: DatasetChoice | None
) -> Iterator[Given]:
    """What the options name; `split` is one, several or none. A dataset is laid out in a temporary folder meanwhile."""
    chosen = (split,) if isinstance(split, str) else tuple(split or ())
    if dataset is None:
        if images is None or captions is None:
            raise click.UsageError("Give --images and --captions, or --dataset.")
        yield Given(str(captions), images, captions, splits, chosen)
        return
    if images or captions or splits:
        raise click.UsageError("--images, --captions and --splits go with files, not with --dataset.")
    from mmembed.hub.layout import lay_out

    with tempfile.TemporaryDirectory(prefix="mmembed-") as folder:
        layout = lay_out(dataset.wanted(chosen), Path(folder))
        for row in layout.lost:
            remark(f"left out {row}")
        if not layout.told:
            raise InvalidData(f"{dataset.name} has no captions that are known by their column's name; name it with --text-column.")
        yield Given(dataset.name, layout.pictures, layout.captions)


@contextmanager
def given_labels(
    images: Path | None, labels: Path | None, split: str | None, dataset: DatasetChoice | None
) -> Iterator[tuple[Path, list[LabelRow]]]:
    """Folder or zip file of the pictures, and the label of each, which a dataset has in its column `label` or in one that was named."""
    if dataset is None:
        if images is None or labels is None:
            raise click.UsageError("Give --images and --labels, or --dataset.")
        if split:
            raise click.UsageError("--split goes with --dataset.")
        yield images, read_labels(labels)
        return
    if images or labels:
        raise click.UsageError("--images and --labels go with files, not with --dataset.")
    named = replace(dataset, captions=dataset.captions or {"": ("label",)})
    with given(None, None, None, split, named) as data:
        yield data.images, [LabelRow(row.image, row.caption) for row in read_captions(data.captions)]


def labels_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `given_labels`, handed on as one `chosen`: what it makes of them, to be entered."""

    @functools.wraps(command)
    def chosen(images: Any, labels: Any, split: Any, dataset: Any, **others: Any) -> Any:
        return command(chosen=given_labels(images, labels, split, dataset), **others)

    labels_option = click.option("--labels", type=EXISTING_FILE, metavar="FILE.tsv", help="Table with the columns image, label.")
    decorated: Callable[..., Any] = some_images_option(labels_option(split_option(dataset_options(chosen))))
    return decorated


@dataclass(frozen=True)
class Sentences:
    """What to translate, as `--source` and `--references` or `--dataset` name it.

    Attributes:
        sources: the sentences.
        references: lists of their translations, each as long.
        pictures: name of the picture of each sentence, or None; or None if there are no pictures at all.
        folder: where the pictures are, or None if their names are paths.
    """

    sources: list[str]
    references: list[list[str]]
    pictures: list[str | None] | None
    folder: Path | None


@contextmanager
def given_sentences(
    source: Path | None,
    references: Sequence[Path],
    images: Path | None,
    images_dir: Path | None,
    split: str | None,
    dataset: DatasetChoice | None,
    pair: tuple[str, str],
) -> Iterator[Sentences]:
    """What the options name, for translation from `pair[0]` to `pair[1]`. A dataset's pictures are in a temporary folder meanwhile."""
    if dataset is None:
        if source is None or not references:
            raise click.UsageError("Give --source and --references, or --dataset.")
        if split:
            raise click.UsageError("--split goes with --dataset.")
        names = [name or None for name in read_lines(images)] if images else None
        yield Sentences(read_lines(source), [read_lines(file) for file in references], names, images_dir)
        return
    if source or references or images or images_dir:
        raise click.UsageError("--source, --references, --images and --images-dir go with files, not with --dataset.")
    from mmembed.hub.parallel import lay_out_parallel

    with tempfile.TemporaryDirectory(prefix="mmembed-") as folder:
        found = lay_out_parallel(dataset.wanted((split,) if split else ()), *pair, Path(folder))
        for row in found.lost:
            remark(f"left out {row}")
        yield Sentences(found.sources, [found.references], found.pictures if any(found.pictures) else None, found.folder)
