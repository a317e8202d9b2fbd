"""`caption` and `translate`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from mmembed.commands.terminal import EXISTING, json_option, open_picture, preset_option, print_json, progress_bar, remark, separated
from mmembed.errors import InvalidData, UnknownLanguage, UnreadablePicture
from mmembed.generate.base import Caption
from mmembed.languages import find
from mmembed.media.picture import Picture

_BATCH = 16


@click.command()
@click.argument("pictures", nargs=-1, required=True, type=EXISTING, metavar="PICTURE|FOLDER...")
@click.option(
    "--lang", "languages", multiple=True, default=("en",), show_default="en", callback=separated, metavar="CODE",
    help="Language to write in; repeatable, or with commas: en,de.",
)  # fmt: skip
@click.option("-n", "count", default=1, show_default=True, type=click.IntRange(1, 10), metavar="N", help="How many wordings of each.")
@preset_option
@json_option
def caption(pictures: tuple[Path, ...], languages: tuple[str, ...], count: int, preset: str, as_json: bool) -> None:
    """Describe photos in words.

    A file that is no readable picture is named on standard error, and the others go on.

    \b
      mmembed caption beach.jpg --lang de
      mmembed caption ~/Pictures --lang en,fr --json > captions.jsonl

    JSON fields: path, language, text, similarity (how well the words fit the picture, up to 1), alternatives, and
    written_by where other models than the preset's one bundle wrote it.
    """
    import mmembed
    from mmembed.media.find import find_pictures

    model = mmembed.load(preset)
    for language in languages:
        if find(language, model.decoder.caption_languages) is None:
            raise UnknownLanguage(language, model.decoder.caption_languages)
    finding = find_pictures(pictures)
    for problem in finding.problems:
        remark(f"skipped {problem.path}: {problem.reason}")
    if not finding.files:
        raise InvalidData(f"There are no pictures in {', '.join(map(str, pictures))}.")
    paths, described = [file.path for file in finding.files], 0
    with progress_bar(results_flow=True) as progress:
        for start in range(0, len(paths), _BATCH):
            readable = dict(_readable(paths[start : start + _BATCH], model.picture_size))
            written = model.caption_in(list(readable.values()), languages, count)
            for path, *captions in zip(readable, *written, strict=True):
                for found in captions:
                    _print(path, found, as_json)
            described += len(readable)
            if progress:
                progress(min(start + _BATCH, len(paths)), len(paths), "photos")
    if not as_json and model.captioner is not None:
        for language in languages:
            remark(f"{language}: written by {model.captioner.credit(find(language, model.captioner.languages) or language)}")
    if not described:
        raise InvalidData(f"None of the {len(paths)} files could be read as a picture.")
    if skipped := len(paths) + len(finding.problems) - described:
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


def _readable(paths: list[Path], side: int) -> Iterator[tuple[Path, Picture]]:
    for path in paths:
        try:
            yield path, Picture.open(path, side)
        except UnreadablePicture as error:
            remark(f"skipped {path}: {error}")


def _print(path: Path, found: Caption, as_json: bool) -> None:
    if as_json:
        fields = {"path": str(path), "language": found.language, "text": found.text, "similarity": round(found.similarity, 4)}
        credit = {"written_by": found.written_by} if found.written_by else {}
        print_json({**fields, "alternatives": list(found.alternatives), **credit})
        return
    click.echo(f"{path}  {found.language}  {found.similarity:.2f}  {found.text}")
    for text in found.alternatives:
        click.echo(f"{' ' * len(str(path))}  {found.language}        {text}")


COMMANDS = (caption, translate)
