"""`compare`."""

from __future__ import annotations

from pathlib import Path

import click

from mmembed.commands.evaluation_options import (
    DatasetChoice,
    dataset_options,
    given,
    some_captions_option,
    some_images_option,
    split_option,
    splits_option,
)
from mmembed.commands.terminal import (
    EXISTING_FILE,
    json_option,
    offline_option,
    print_columns,
    print_json,
    remark,
    separated,
)
from mmembed.errors import MmembedError


@click.command()
@click.argument("presets", nargs=-1, required=True, metavar="PRESET...")
@some_images_option
@some_captions_option
@splits_option
@split_option
@dataset_options
@click.option("--lang", "languages", multiple=True, callback=separated, metavar="CODE", help="Only captions in these languages.")
@click.option("--caption-source", "sources", multiple=True, callback=separated, metavar="NAME", help="Only captions with this source.")
@click.option(
    "--describe", multiple=True, callback=separated, metavar="CODE", help="Also write captions in these languages and score them (slow)."
)
@click.option("--source", type=EXISTING_FILE, metavar="FILE.txt", help="Also translate these sentences, one a line.")
@click.option("--references", type=EXISTING_FILE, metavar="FILE.txt", help="Their translations.")
@click.option("--from", "source_language", default="en", show_default=True, metavar="CODE", help="Language of the sentences.")
@click.option("--to", default="de", show_default=True, metavar="CODE", help="Language to translate to.")
@click.option("--limit", type=click.IntRange(min=2), metavar="N", help="A quick look: only the first N pictures and sentences.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a Markdown table.")
@offline_option
@json_option
def compare(
    presets: tuple[str, ...],
    images: Path | None,
    captions: Path | None,
    splits: Path | None,
    split: str | None,
    dataset: DatasetChoice | None,
    languages: tuple[str, ...],
    sources: tuple[str, ...],
    describe: tuple[str, ...],
    source: Path | None,
    references: Path | None,
    source_language: str,
    to: str,
    limit: int | None,
    as_markdown: bool,
    as_json: bool,
) -> None:
    """Measure several presets on the same data, in one table.

    Recall from text to picture in each language, CIDEr-D with --describe, BLEU with --source and --references, pictures
    a second, peak memory, download size, licence. Each preset runs in a process of its own; one that cannot be loaded is
    a row with the reason.

    \b
      mmembed compare mini siglip2-base --images photos.zip --captions captions.tsv
      mmembed compare mini siglip2-base --dataset owner/name --split test --rows 1000

    JSON fields: preset, space, recall (language: R@1, R@10), cider, bleu, pictures_a_second, device, peak_memory_mb,
    size_mb, licence, problem.
    """
    from mmembed.evaluate.compare import Comparison, header_and_rows, markdown
    from mmembed.evaluate.compare import compare as measure

    if (source is None) != (references is None):
        raise click.UsageError("--source and --references belong together.")
    if dataset is None and (splits is None) != (split is None):
        raise click.UsageError("--splits and --split belong together.")
    with given(images, captions, splits, split, dataset) as data:
        part = data.chosen[0] if data.chosen else None
        what = Comparison(
            data.images, data.captions, data.splits, part, sources, languages, describe, source, references, source_language, to, limit
        )
        results = measure(list(dict.fromkeys(presets)), what, lambda name: remark(f"measuring {name}"))
    if as_json:
        for result in results:
            print_json(result.as_dict())
    elif as_markdown:
        click.echo(markdown(results, what))
    else:
        print_columns(*header_and_rows(results))
        for result in results:
            if result.problem:
                remark(f"{result.preset}: {result.problem}")
    if all(not result.space for result in results):
        raise MmembedError("None of the presets could be measured.")


COMMANDS = (compare,)
