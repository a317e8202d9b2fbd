"""`translate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmembed.commands.terminal import (
    EXISTING_FILE,
    dataset_option,
    json_option,
    open_picture,
    part_option,
    preset_option,
    print_json,
    progress_bar,
    remark,
)
from mmembed.errors import InvalidData
from mmembed.generate.base import Translation
from mmembed.generate.outputs.translations import Done, Line, as_row, output_for, read_lines, translate_lines, translation_fields
from mmembed.media.picture import Picture

if TYPE_CHECKING:
    from mmembed.generate.outputs.dataset_lines import Opener
    from mmembed.model import Model


@click.command()
@click.argument("text", required=False)
@click.option("--to", required=True, metavar="CODE", help="Language to translate to.")
@click.option("--from", "source", metavar="CODE", help="Language of the text; recognised by itself if it is not given.")
@click.option("--image", type=click.Path(path_type=Path), metavar="PICTURE", help="What the text is about; the model looks at it.")
@click.option("--explain", is_flag=True, help="With --image: show beside it the translation from the words alone, both with scores.")
@click.option("-n", "count", default=1, show_default=True, type=click.IntRange(1, 10), metavar="N", help="How many wordings.")
@click.option("--file", type=EXISTING_FILE, metavar="FILE", help="Translate a .txt file line by line, or a .csv, .tsv or .jsonl table.")
@dataset_option
@part_option
@click.option("--text-column", metavar="NAME", help="Column of the texts; by itself text, source, caption or sentence.")
@click.option("--image-column", metavar="NAME", help="Column of the pictures or their paths; by itself image, path or file_name.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="With --file or --dataset: write to a .txt, .csv, .tsv or .jsonl file. What is in it already is not done again.",
)  # fmt: skip
@preset_option
@json_option
def translate(
    text: str | None, to: str, source: str | None, image: Path | None, explain: bool, count: int, file: Path | None,
    dataset: str | None, split: str, text_column: str | None, image_column: str | None, out: Path | None, preset: str, as_json: bool,
) -> None:  # fmt: skip
    """Translate a text or a file, looking at pictures if there are any.

    The text may have several sentences. Numbers and names are kept. A remark on standard error says when a text is unlike
    those the model knows. Of a file, a row that cannot be translated is named on standard error, and the others go on; an
    interrupted run with --out goes on where it was.

    \b
      mmembed translate "a man with a bat" --to de --image baseball.jpg --explain
      mmembed translate --file captions.csv --to fr --out captions.fr.csv
      mmembed translate --dataset owner/name --split test --to fr --out captions.fr.jsonl

    JSON fields: source, language, text, grounded (whether a picture was looked at), similarity (to the picture, or else
    to the source), from (the language of the source), via (the language it went through), score (the decoder's), notes,
    alternatives, and written_by where another model than the preset's one bundle wrote it; of files also row, image and
    error, and of --explain the field plain: the same from the words alone.
    """
    if [text, file, dataset].count(None) != 2:
        raise click.UsageError("Say what to translate: a TEXT, --file FILE or --dataset NAME.")
    if (out and text is not None) or (explain and not image) or (image and text is None):
        raise click.UsageError("--out and the columns go with --file and --dataset, --explain with --image, and --image with a TEXT.")
    import mmembed

    model = mmembed.load(preset)
    translating = model.translating()
    to, source = translating.code_of(to), translating.code_of(source) if source is not None else None
    if file is not None:
        lines, folder = read_lines(file, text_column, image_column), file.parent

        def opened(name: str, target: int | None) -> Picture:
            return Picture.open(folder / name, target)

        hint = file.suffix.lower() != ".txt"
        _translate_lines(model, lines, opened, str(file), hint, out, to, source, count, as_json)
    elif dataset is not None:
        from mmembed.generate.outputs.dataset_lines import dataset_lines

        with dataset_lines(dataset, split, image_column, text_column) as (lines, opener):
            _translate_lines(model, lines, opener, dataset, True, out, to, source, count, as_json)
    elif text is not None and explain and image is not None:
        found = model.explain(text, to, open_picture(image, model.picture_size), source, count)
        _print_explained(found.grounded, found.plain, as_json)
    elif text is not None:
        pictures = [open_picture(image, model.picture_size)] if image else None
        [result] = model.translate([text], to, source, pictures, count)
        _print(result, as_json)


def _print(result: Translation, as_json: bool) -> None:
    if as_json:
        print_json(translation_fields(result))
        return
    _say_notes(result)
    for line in (result.text, *result.alternatives):
        click.echo(line)


def _print_explained(grounded: Translation, plain: Translation, as_json: bool) -> None:
    if as_json:
        print_json({**translation_fields(grounded), "plain": translation_fields(plain)})
        return
    _say_notes(grounded)
    click.echo(f"{'':20}  {'to the picture':>14}  {'score':>6}")
    for name, found in (("with the picture", grounded), ("from words alone", plain)):
        click.echo(f"{name:20}  {found.similarity:14.2f}  {found.score:6.2f}  {found.text}")


def _say_notes(result: Translation) -> None:
    if result.via:
        remark(f"Translated through {result.via!r}, for this model does not translate from {result.source_language!r} directly.")
    for note in result.notes:
        remark(note)


def _translate_lines(
    model: Model,
    lines: Sequence[Line],
    open_line: Opener,
    place: str,
    is_table: bool,
    out: Path | None,
    to: str,
    source: str | None,
    count: int,
    as_json: bool,
) -> None:
    if not lines:
        raise InvalidData(f"There is nothing to translate in {place}.")
    if not out and not as_json and is_table:
        remark("Only the translations are printed; --json or --out FILE also say which row failed and why.")
    translating = model.translating()

    def refuse(line: Line) -> str:
        return translating.refusal(line.text, to, source or line.language)

    def opened(name: str) -> Picture:
        return open_line(name, model.picture_size)

    def translated(part: Sequence[Line], pictures: Sequence[Picture | None]) -> Sequence[Translation]:
        return model.translate([line.text for line in part], to, source or part[0].language, pictures, count)

    output = output_for(out, to) if out else _Printed(as_json, to)
    with progress_bar(results_flow=out is None) as progress:
        done, failed = translate_lines(lines, output, refuse, opened, translated, progress, _name)
    before = len(lines) - done - failed
    if out or failed:
        parts = [f"{done} texts translated", *([f"{before} were already"] if before else []), *([f"{failed} failed"] if failed else [])]
        remark(", ".join(parts) + ".")
    if not done and not before:
        raise InvalidData(f"None of the {len(lines)} texts could be translated.")


class _Printed:
    """Standard output; a text that failed is an empty line, so that line n stays line n."""

    def __init__(self, as_json: bool, to: str) -> None:
        self._as_json, self._to = as_json, to

    def finished(self, lines: Sequence[Line]) -> int:
        return 0

    def write(self, results: Sequence[Done]) -> None:
        for result in results:
            if self._as_json:
                print_json(as_row(result, self._to))
            else:
                click.echo(" ".join(result.translation.text.split()) if result.translation else "")


def _name(done: Done) -> None:
    remark(f"row {done.line.row}: {done.error}")


COMMANDS = (translate,)
