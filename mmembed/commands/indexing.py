"""`index`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmembed.commands.terminal import (
    EXISTING,
    column_option,
    dataset_option,
    gallery_option,
    json_option,
    part_option,
    preset_option,
    print_json,
    progress_bar,
    remark,
)
from mmembed.errors import InvalidData, MmembedError
from mmembed.gallery.items import IndexReport

if TYPE_CHECKING:
    from mmembed.commands.terminal import Progress
    from mmembed.gallery import Gallery
    from mmembed.gallery.items import Row
    from mmembed.gallery.store import Root
    from mmembed.gallery.team import Team

_SAID_ONE_BY_ONE = 10  # skipped files that need no table of reasons
_REST = 20.0  # a watch looks again after so many times the time that looking took
_SHORTEST_REST = 2.0  # seconds


@click.command()
@click.argument("folders", nargs=-1, type=EXISTING, metavar="[FOLDER...]")
@gallery_option
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Pass over files and folders of this name; repeatable.")
@click.option("--hidden", is_flag=True, help="Look at files and folders whose name begins with a dot, too.")
@click.option("--watch", is_flag=True, help="Go on looking for changes, until Ctrl-C.")
@dataset_option
@part_option
@column_option
@preset_option
@json_option
def index(
    folders: tuple[Path, ...], gallery: Path, exclude: tuple[str, ...], hidden: bool, watch: bool, dataset: str | None, split: str,
    column: str | None, preset: str, as_json: bool,
) -> None:  # fmt: skip
    """Make photos searchable.

    Reads the folders and what is below them, and keeps a vector of each photo in the gallery. Run again at any time: only
    new and changed files are read, vanished ones are forgotten, and after an interruption it goes on where it was. Without
    a FOLDER, everything that was ever indexed is brought up to date, with the same --exclude and --hidden as then. Folders
    that cannot be looked at, such as those of a drive that is not there, keep their photos. A FOLDER may also be a .parquet
    or .tar file with pictures in it.

    \b
      mmembed index ~/Pictures
      mmembed index ~/Pictures --exclude '*_small.*' --exclude 'Scans/drafts' --watch
      mmembed index --dataset owner/name --split test
      accelerate launch -m mmembed index ~/Pictures --preset siglip2-base

    A pattern with a slash is compared with the path below the FOLDER. JSON fields: found, embedded, reused, unchanged,
    removed, skipped (path, reason, known: whether an earlier run said so), seconds, gallery, pictures.
    """
    import mmembed
    from mmembed.gallery import Gallery
    from mmembed.gallery.team import launched
    from mmembed.gallery.upkeep import made_for_good
    from mmembed.hub.dataset import is_local

    if folders and dataset:
        raise click.UsageError("Give FOLDER or --dataset NAME.")
    if dataset and is_local(dataset):
        if column:
            raise click.UsageError("--column goes with a dataset on a hub; of a .parquet file the first column with pictures is taken.")
        folders, dataset = (Path(dataset).expanduser(),), None
    with launched() as team:
        if watch and (dataset or team.size > 1):
            raise click.UsageError("--watch goes with folders, in one process.")
        place, rows = _streamed(dataset, split, column) if dataset else ("", iter(()))
        model = mmembed.load(preset) if team.size == 1 else mmembed.load(preset, team.threads)
        with made_for_good(gallery) if team.leads else nullcontext(), Gallery(gallery, model) as photos:
            roots = _roots(photos, folders, hidden, exclude) if not dataset else []
            with progress_bar(unit=" photos") as progress:
                shown = progress if team.leads else None
                report = photos.index_rows(place, rows, shown, team) if dataset else _index(photos, roots, shown, team)
            if team.leads:
                _conclude(photos, report, dataset or ", ".join(root.name for root in roots), watch, as_json)
            if watch:
                _watch(photos, roots, report.seconds, as_json)


def _conclude(photos: Gallery, report: IndexReport, places: str, watch: bool, as_json: bool) -> None:
    _name(report)
    if not report.found and not report.removed:
        raise InvalidData(f"There are no pictures in {places}.")
    if report.found and not report.embedded + report.reused + report.unchanged and not watch:
        raise InvalidData(f"None of the {report.found} files could be read as a picture.")
    _tell(report, photos.path, len(photos), as_json)


def _roots(photos: Gallery, folders: tuple[Path, ...], hidden: bool, exclude: tuple[str, ...]) -> list[Root]:
    from mmembed.gallery.store import Root

    if folders:
        return [Root(str(folder), hidden, exclude) for folder in folders]
    if roots := photos.roots():
        return roots
    raise click.UsageError("Nothing was indexed yet: name a FOLDER.")


def _index(photos: Gallery, roots: list[Root], progress: Progress | None, team: Team | None = None) -> IndexReport:
    """One run for all roots that are looked through in the same way."""
    ways: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
    for root in roots:
        ways.setdefault((root.hidden, root.exclude), []).append(root.name)
    reports = [photos.index(names, progress, hidden, exclude, team) for (hidden, exclude), names in ways.items()]
    return IndexReport.of_all(reports, sum(report.seconds for report in reports))


def _streamed(dataset: str, split: str, column: str | None) -> tuple[str, Iterator[Row]]:
    """What a part of a dataset on a hub goes by in a gallery, and its rows; the first is here already, so that it is there at all."""
    from mmembed.gallery.items import Row
    from mmembed.gallery.places import name_of_part, name_of_row
    from mmembed.hub.dataset import read_files

    place = name_of_part(dataset, split, column or "image")
    rows = (Row(name_of_row(place, row.number), row.content, row.problem) for row in read_files(dataset, split, column))
    return place, chain(list(islice(rows, 1)), rows)


def _watch(photos: Gallery, roots: list[Root], seconds: float, as_json: bool) -> None:
    """Index again and again; say something only when something changed."""
    remark("Watching; Ctrl-C ends it.")
    said = ""
    try:
        for _ in _pauses(seconds):
            try:
                report = _index(photos, roots, None)
            except MmembedError as error:  # a drive that is not there now may come back
                if str(error) != said:
                    said = str(error)
                    remark(said)
                continue
            said = ""
            _name(report)
            if report.embedded or report.reused or report.removed:
                _tell(report, photos.path, len(photos), as_json)
    except KeyboardInterrupt:
        remark("Stopped watching.")


def _pauses(seconds: float) -> Iterator[None]:
    """Rests in proportion to the time that looking takes, so that watching a large gallery leaves the machine alone."""
    while True:
        time.sleep(max(_SHORTEST_REST, _REST * seconds))
        started = time.monotonic()
        yield
        seconds = time.monotonic() - started


def _name(report: IndexReport) -> None:
    """Every skipped file that was not named before and, if they are many, how many there are for each reason."""
    new = [skipped for skipped in report.skipped if not skipped.known]
    for skipped in new:
        remark(f"skipped {skipped.path}: {skipped.reason}")
    if len(new) > _SAID_ONE_BY_ONE:
        reasons = Counter(skipped.reason.split(" (")[0].split(";")[0] for skipped in new)
        remark(f"{len(new)} skipped: " + ", ".join(f"{count} because {reason}" for reason, count in reasons.most_common()))


def _tell(report: IndexReport, gallery: Path, total: int, as_json: bool) -> None:
    if as_json:
        skipped = [{"path": str(file.path), "reason": file.reason, "known": file.known} for file in report.skipped]
        print_json({**asdict(report), "skipped": skipped, "gallery": str(gallery), "pictures": total})
        return
    known = sum(skipped.known for skipped in report.skipped)
    parts = {
        "new": report.embedded,
        "known by content": report.reused,
        "unchanged": report.unchanged,
        "gone": report.removed,
        "skipped": len(report.skipped) - known,
        "unreadable as before": known,
    }
    counts = ", ".join(f"{count} {name}" for name, count in parts.items() if count)
    rate = f", {report.embedded / report.seconds:.1f} new a second" if report.embedded and report.seconds > 1 else ""
    click.echo(f"{total} photos in {gallery} ({counts}; {report.seconds:.1f} s{rate}).")


COMMANDS = (index,)
