"""`caption` and `translate`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from mmembed.commands.terminal import EXISTING, json_option, open_picture, preset_option, print_json, progress_bar, remark, separated
from mmembed.errors import InvalidData, UnknownLanguage, UnreadablePicture
from mmembed.generate.base import Caption
from mmembed.languages import find
from mmembed.media.picture import Picture

_BATCH = 16


@click.command()
@click.argument("pictures", nargs=-1, type=EXISTING, metavar="PICTURE|FOLDER...")
@click.option("--dataset", metavar="NAME", help="Instead of files: a dataset's hub name, .parquet or .tar file, or picture folder.")
@click.option("--split", default="train", show_default=True, metavar="NAME", help="Which part of the dataset.")
@click.option("--column", metavar="NAME", help="Which of the dataset's columns has the pictures; found by itself if only one does.")
@click.option(
    "--lang", "languages", multiple=True, default=("en",), show_default="en", callback=separated, metavar="CODE",
    help="Language to write in; repeatable, or with commas: en,de.",
)  # fmt: skip
@click.option("-n", "count", default=1, show_default=True, type=click.IntRange(1, 10), metavar="N", help="How many wordings of each.")
@preset_option
@json_option
def caption(
    pictures: tuple[Path, ...],
    dataset: str | None,
    split: str,
    column: str | None,
    languages: tuple[str, ...],
    count: int,
    preset: str,
    as_json: bool,
) -> None:
    """Describe photos in words.

    A file that is no readable picture is named on standard error, and the others go on.

    \b
      mmembed caption beach.jpg --lang de
      mmembed caption ~/Pictures --lang en,fr --json > captions.jsonl
      mmembed caption --dataset pictures.parquet --json > captions.jsonl

    JSON fields: path, language, text, similarity (how well the words fit the picture, up to 1), alternatives, and
    written_by where other models than the preset's one bundle wrote it.
    """
    import mmembed

    if bool(pictures) == bool(dataset):
        raise click.UsageError("Give PICTURE or FOLDER, or --dataset NAME.")
    model = mmembed.load(preset)
    for language in languages:
        if find(language, model.decoder.caption_languages) is None:
            raise UnknownLanguage(language, model.decoder.caption_languages)
    side = model.picture_size
    batches = _from_dataset(dataset, split, column, side) if dataset else _from_files(pictures, side)
    described, skipped = 0, 0
    with progress_bar(results_flow=True) as progress:
        for batch in batches:
            written = model.caption_in(list(batch.readable.values()), languages, count)
            for name, *captions in zip(batch.readable, *written, strict=True):
                for found in captions:
                    _print(name, found, as_json)
            described += len(batch.readable)
            skipped += batch.skipped
            if progress and batch.total:
                progress(batch.done, batch.total, "photos")
    if not as_json and model.captioner is not None and described:
        for language in languages:
            remark(f"{language}: written by {model.captioner.credit(find(language, model.captioner.languages) or language)}")
    if not described:
        raise InvalidData(f"None of the {skipped} files could be read as a picture.")
    if skipped:
        remark(f"{described} photos described, {skipped} skipped.")


@click.command()
@click.argument("text")
@click.option("--to", required=True, metavar="CODE", help="Language to translate to.")
@click.option("--from", "source", metavar="CODE", help="Language of the text; the model finds out by itself if it is not given.")
@click.option("--image", type=click.Path(path_type=Path), metavar="PICTURE", help="What the text is about; the model looks at it.")
@preset_option
@json_option
def translate(text: str, to: str, source: str | None, image: Path | None, preset: str, as_json: bool) -> None:
    """Translate a text, looking at a picture if there is one.

    \b
      mmembed translate "a man with a bat" --to de --image baseball.jpg

    JSON fields: source, language, text, grounded (whether a picture was looked at), similarity (to the picture, or else
    to the source), and written_by where another model than the preset's one bundle wrote it.
    """
    import mmembed

    model = mmembed.load(preset)
    pictures = [open_picture(image, model.picture_size)] if image else None
    [result] = model.translate([text], to, source, pictures)
    if as_json:
        fields = {"source": result.source, "language": result.language, "text": result.text, "grounded": result.grounded}
        credit = {"written_by": result.written_by} if result.written_by else {}
        print_json({**fields, "similarity": round(result.similarity, 4), **credit})
    else:
        click.echo(result.text)


@dataclass(frozen=True)
class _Batch:
    """Pictures by the name to print, how many could not be read, and how far it is; `total` is 0 if nobody knows."""

    readable: dict[str, Picture]
    skipped: int
    done: int = 0
    total: int = 0


def _from_files(places: tuple[Path, ...], side: int) -> Iterator[_Batch]:
    from mmembed.media.find import find_pictures

    finding = find_pictures(places)
    for problem in finding.problems:
        remark(f"skipped {problem.path}: {problem.reason}")
    if not finding.files:
        raise InvalidData(f"There are no pictures in {', '.join(map(str, places))}.")
    paths, problems = [file.path for file in finding.files], len(finding.problems)
    for start in range(0, len(paths), _BATCH):
        part = paths[start : start + _BATCH]
        readable = dict(_readable(part, side))
        yield _Batch(readable, len(part) - len(readable) + problems, start + len(part), len(paths))
        problems = 0


def _from_dataset(source: str, split: str, column: str | None, side: int) -> Iterator[_Batch]:
    from mmembed.hub.dataset import read_dataset

    readable: dict[str, Picture] = {}
    skipped = 0
    for number, row in enumerate(read_dataset(source, split, column, side)):
        if row.picture is None:
            remark(f"skipped {row.name}: {row.problem or 'there is no picture in it'}")
            skipped += 1
            continue
        readable[row.name if row.name not in readable else f"{row.name}#{number}"] = row.picture
        if len(readable) == _BATCH:
            yield _Batch(readable, skipped)
            readable, skipped = {}, 0
    yield _Batch(readable, skipped)


def _readable(paths: list[Path], side: int) -> Iterator[tuple[str, Picture]]:
    for path in paths:
        try:
            yield str(path), Picture.open(path, side)
        except UnreadablePicture as error:
            remark(f"skipped {path}: {error}")


def _print(path: str, found: Caption, as_json: bool) -> None:
    if as_json:
        fields = {"path": path, "language": found.language, "text": found.text, "similarity": round(found.similarity, 4)}
        credit = {"written_by": found.written_by} if found.written_by else {}
        print_json({**fields, "alternatives": list(found.alternatives), **credit})
        return
    click.echo(f"{path}  {found.language}  {found.similarity:.2f}  {found.text}")
    for text in found.alternatives:
        click.echo(f"{' ' * len(path)}  {found.language}        {text}")


COMMANDS = (caption, translate)
