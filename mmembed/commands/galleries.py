"""`index` and `search`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from mmembed.commands.terminal import (
    EXISTING,
    gallery_option,
    json_option,
    open_picture,
    preset_option,
    print_columns,
    print_json,
    progress_bar,
    remark,
)
from mmembed.errors import GalleryError, InvalidData
from mmembed.gallery.items import Hit, IndexReport, Query

MATCH = 0.5
"""Confidence is a calibrated probability, so below one half a hit is more likely wrong than right."""


@click.command()
@click.argument("folders", nargs=-1, required=True, type=EXISTING, metavar="FOLDER...")
@gallery_option
@preset_option
@json_option
def index(folders: tuple[Path, ...], gallery: Path, preset: str, as_json: bool) -> None:
    """Make photos searchable.

    Reads the folders and what is below them, and keeps a vector of each photo in the gallery. Run again at any time: only
    new and changed files are read, vanished ones are forgotten, and after an interruption it goes on where it was.

    \b
      mmembed index ~/Pictures
    """
    import mmembed
    from mmembed.gallery import Gallery

    with Gallery(gallery, mmembed.load(preset)) as photos, progress_bar() as progress:
        report = photos.index(folders, progress)
        total = len(photos)
    for skipped in report.skipped:
        remark(f"skipped {skipped.path}: {skipped.reason}")
    if not report.found:
        raise InvalidData(f"There are no pictures in {', '.join(map(str, folders))}.")
    if not report.embedded + report.reused + report.unchanged:
        raise InvalidData(f"None of the {report.found} files could be read as a picture.")
    if as_json:
        skipped_files = [{"path": str(file.path), "reason": file.reason} for file in report.skipped]
        print_json({**asdict(report), "skipped": skipped_files, "gallery": str(gallery), "pictures": total})
    else:
        click.echo(_summary(report, gallery, total))


@click.command()
@click.argument("text", required=False)
@click.option("--like", multiple=True, type=click.Path(path_type=Path), metavar="PICTURE", help="Look for photos like this; repeatable.")
@click.option("--not", "without", multiple=True, metavar="TEXT", help="Push photos of this down; repeatable.")
@click.option("-k", "count", default=20, show_default=True, type=click.IntRange(min=1), metavar="N", help="How many results.")
@gallery_option
@preset_option
@json_option
def search(
    text: str | None, like: tuple[Path, ...], without: tuple[str, ...], count: int, gallery: Path, preset: str, as_json: bool
) -> None:
    """Find photos by words, by a picture, or by both.

    Prints the best matches first. The confidence is the probability that a photo is what was looked for; when even the
    best is below 50 %, a remark on standard error says that there is no good match.

    \b
      mmembed search "two dogs in snow"
      mmembed search --like beach.jpg --not people
      mmembed search "a red car" --like street.jpg -k 5 --json

    JSON fields: path, similarity, confidence, and paths where several files hold the same photo.
    """
    if text is None and not like:
        raise click.UsageError("Say what to look for: a TEXT, --like PICTURE, or both.")
    if not gallery.exists():
        raise GalleryError(f"There is no gallery at {gallery}; make one with: mmembed index FOLDER --gallery {gallery}")
    import mmembed
    from mmembed.gallery import Gallery

    model = mmembed.load(preset)
    query = Query.of(text, [open_picture(path, model.space.picture_size) for path in like], without)
    with Gallery(gallery, model, create=False) as photos:
        hits = photos.search(query, count)
    if not hits:
        remark("The gallery is empty.")
    elif max(hit.confidence for hit in hits) < MATCH:
        remark("No good match; these are the nearest photos.")
    if as_json:
        for hit in hits:
            print_json(_as_dict(hit))
    elif hits:
        rows = [(f"{hit.confidence:.0%}", f"{hit.similarity:.3f}", str(hit.item.paths[0])) for hit in hits]
        print_columns(("confidence", "similarity", "path"), rows)


def _as_dict(hit: Hit) -> dict[str, object]:
    paths = [str(path) for path in hit.item.paths]
    return {
        "path": paths[0],
        "similarity": round(hit.similarity, 4),
        "confidence": round(hit.confidence, 4),
        **({"paths": paths} if len(paths) > 1 else {}),
    }


def _summary(report: IndexReport, gallery: Path, total: int) -> str:
    parts = {
        "new": report.embedded,
        "known by content": report.reused,
        "unchanged": report.unchanged,
        "gone": report.removed,
        "skipped": len(report.skipped),
    }
    counts = ", ".join(f"{count} {name}" for name, count in parts.items() if count)
    return f"{total} photos in {gallery} ({counts}; {report.seconds:.1f} s)."


COMMANDS = (index, search)
