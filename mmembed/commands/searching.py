"""`search`."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmembed.commands.terminal import gallery_option, json_option, open_picture, preset_option, print_columns, print_json, remark
from mmembed.errors import GalleryError
from mmembed.gallery.items import GOOD_MATCH, ORIENTATIONS, POSSIBLE_MATCH, Filters, Hit, Query, Term, time_span

if TYPE_CHECKING:
    from mmembed.media.picture import Picture


class _Weighted(click.ParamType):
    """`WORDS` or `WORDS^WEIGHT`."""

    name = "weighted"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        words, sign, weight = str(value).rpartition("^")
        if not sign or os.path.exists(value):  # noqa: PTH110  (it may be words)
            return str(value), 1.0
        try:
            number = float(weight)
        except ValueError:
            self.fail(f"{weight!r} is no weight; write it as a number, such as {words}^0.5.", param, ctx)
        if not 0 < number < float("inf"):
            self.fail(f"A weight is more than 0, but this one is {weight}; --not takes away.", param, ctx)
        return words, number


class _Day(click.ParamType):
    """`2019`, `2019-07` or `2019-07-14`, as the beginning and the end of that time."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[datetime, datetime]:
        try:
            return time_span(value)
        except ValueError as error:
            return self.fail(str(error), param, ctx)


@click.command()
@click.argument("text", required=False)
@click.option("--also", multiple=True, type=_Weighted(), metavar="TEXT[^WEIGHT]", help="Look for this, too; repeatable.")
@click.option("--like", multiple=True, type=_Weighted(), metavar="PICTURE[^WEIGHT]", help="Look for photos like this; repeatable.")
@click.option("--not", "without", multiple=True, type=_Weighted(), metavar="TEXT[^WEIGHT]", help="Push photos of this down; repeatable.")
@click.option("-k", "count", default=20, show_default=True, type=click.IntRange(min=1), metavar="N", help="How many results.")
@click.option("--page", default=1, show_default=True, type=click.IntRange(min=1), metavar="N", help="Which N results: 2 for the second -k.")
@click.option("--folder", type=click.Path(path_type=Path), metavar="DIR", help="Only photos in this folder or below it.")
@click.option("--since", type=_Day(), metavar="DATE", help="Only photos taken then or later: 2019, 2019-07 or 2019-07-14.")
@click.option("--until", type=_Day(), metavar="DATE", help="Only photos taken then or earlier.")
@click.option("--larger", type=click.IntRange(min=1), metavar="PIXELS", help="Only photos whose shorter side has at least so many pixels.")
@click.option("--orientation", type=click.Choice(ORIENTATIONS), help="Only photos of this shape.")
@click.option("--caption", metavar="WORDS", help="Only photos with a stored caption that holds all these words.")
@click.option("--fold", is_flag=True, help="Show near-identical photos as one.")
@click.option("--sheet", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.png", help="Draw the results into a new file, too.")
@click.option("--paths", is_flag=True, help="Print nothing but the path of each result.")
@click.option("-0", "--null", is_flag=True, help="Like --paths, with a zero byte after each, for xargs -0.")
@gallery_option
@preset_option
@json_option
def search(
    text: str | None,
    also: tuple[tuple[str, float], ...],
    like: tuple[tuple[str, float], ...],
    without: tuple[tuple[str, float], ...],
    count: int,
    page: int,
    folder: Path | None,
    since: tuple[datetime, datetime] | None,
    until: tuple[datetime, datetime] | None,
    larger: int | None,
    orientation: str | None,
    caption: str | None,
    fold: bool,
    sheet: Path | None,
    paths: bool,
    null: bool,
    gallery: Path,
    preset: str,
    as_json: bool,
) -> None:
    """Find photos by words, by a picture, or by both.

    Prints the best matches first. The confidence is the probability that a photo is what was looked for; when even the
    best is below 50 %, a remark on standard error says that there is no good match. Words that stored captions hold count,
    too.

    \b
      mmembed search "two dogs in snow"
      mmembed search --like beach.jpg --not people
      mmembed search "a red car" --like street.jpg^0.5 --not "people^0.3" -k 5 --json
      mmembed search dog --since 2019-07 --orientation portrait --fold --sheet dogs.png
      mmembed search dog -0 | xargs -0 cp -t dogs/

    JSON fields: path, similarity, confidence; paths where several files hold the same photo; similar (paths) with --fold; space
    (whose vectors were searched) where the gallery has those of several.
    """
    if text is None and not like and not also:
        raise click.UsageError("Say what to look for: a TEXT, --like PICTURE, or both.")
    if not gallery.exists():
        raise GalleryError(f"There is no gallery at {gallery}; make one with: mmembed index FOLDER --gallery {gallery}")
    import mmembed
    from mmembed.gallery import Gallery

    model = mmembed.load(preset)

    def opened(name: str) -> Picture:
        return open_picture(Path(name), model.space.picture_size)

    terms = [Term(text)] if text is not None else []
    terms += [Term(words, weight) for words, weight in also]
    terms += [Term(opened(name), weight) for name, weight in like]
    terms += [Term(words, -weight) for words, weight in without]
    filters = Filters(folder, since[0] if since else None, until[1] if until else None, larger, orientation, caption)
    with Gallery(gallery, model, create=False) as photos:
        hits = photos.search(Query(tuple(terms), filters), count, (page - 1) * count, fold)
        _remark(hits, bool(filters), page, len(photos))
        others = [identity for identity in photos.store.dims() if identity != photos.space.identity]
    if others:
        remark(f"Searched with {model.space.name} ({model.space.identity}); the gallery also has vectors of {', '.join(others)}.")
    if sheet:
        from mmembed.gallery.sheet import write_sheet

        write_sheet(hits, sheet)
    if as_json:
        for hit in hits:
            print_json({**_as_dict(hit), **({"space": model.space.identity} if others else {})})
    elif paths or null:
        for hit in hits:
            click.echo(os.fsencode(hit.item.paths[0]) + (b"\0" if null else b"\n"), nl=False)
    elif hits:
        rows = [(f"{hit.confidence:.0%}", f"{hit.similarity:.3f}", _path_and_more(hit)) for hit in hits]
        print_columns(("confidence", "similarity", "path"), rows)


def _remark(hits: list[Hit], filtered: bool, page: int, total: int) -> None:
    if not total:
        remark("The gallery is empty.")
    elif not hits:
        remark("There are no more results." if page > 1 else "No photo passes the filters." if filtered else "There are no results.")
    elif page == 1 and (best := max(hit.confidence for hit in hits)) < GOOD_MATCH:
        nothing = "No good match; these are the nearest photos."
        remark(nothing if best < POSSIBLE_MATCH else "Not sure of any; these are the nearest photos.")


def _path_and_more(hit: Hit) -> str:
    return f"{hit.item.paths[0]}  (+{len(hit.similar)} alike)" if hit.similar else str(hit.item.paths[0])


def _as_dict(hit: Hit) -> dict[str, object]:
    paths = [str(path) for path in hit.item.paths]
    return {
        "path": paths[0],
        "similarity": round(hit.similarity, 4),
        "confidence": round(hit.confidence, 4),
        **({"paths": paths} if len(paths) > 1 else {}),
        **({"similar": [str(item.paths[0]) for item in hit.similar]} if hit.similar else {}),
    }


COMMANDS = (search,)
