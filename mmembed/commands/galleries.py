"""`gallery`: what is in it, whether it is sound, and what may leave it. None of it needs a model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmembed.commands.terminal import gallery_option, json_option, print_json, remark
from mmembed.errors import GalleryError
from mmembed.gallery.items import Filters

if TYPE_CHECKING:
    from mmembed.gallery.store import Store

_FORMS = ("parquet", "npy", "datasets")
_NAMED = 20  # files that are named one by one


@click.group("gallery")
def group() -> None:
    """Look after the index of the photos: list, info, marks, remove, check, export."""


@group.command("list")
@click.option("--folder", type=click.Path(path_type=Path), metavar="DIR", help="Only photos in this folder or below it.")
@click.option("--unreadable", is_flag=True, help="List the files that could not be read, with the reasons, instead.")
@gallery_option
@json_option
def list_(folder: Path | None, unreadable: bool, gallery: Path, as_json: bool) -> None:
    """Print the paths of all photos.

    JSON fields: path, paths, fingerprint, size, width, height, taken; with --unreadable: path, reason.
    """
    with _opened(gallery) as store:
        if unreadable:
            below = [os.path.abspath(folder or os.sep)]
            for failure in store.failures_below(below).values():
                if as_json:
                    print_json({"path": failure.name, "reason": failure.reason})
                else:
                    click.echo(f"{failure.name}: {failure.reason}")
            return
        numbers = store.matching(Filters(folder=folder)).tolist()
        for start in range(0, len(numbers), 1000):
            for item in store.items_by_id(numbers[start : start + 1000]).values():
                if not as_json:
                    for path in item.paths:
                        click.echo(os.fsencode(path))
                    continue
                fields = {"size": item.size, "width": item.width, "height": item.height}
                taken = item.taken.isoformat() if item.taken else None
                paths = [str(path) for path in item.paths]
                print_json({"path": paths[0], "paths": paths, "fingerprint": item.fingerprint, **fields, "taken": taken})


@group.command()
@gallery_option
@json_option
def info(gallery: Path, as_json: bool) -> None:
    """Say what is in the gallery.

    JSON fields: gallery, pictures, files, unreadable, spaces (vectors by space), captions (by language), marks (right,
    wrong), roots (path, files, there, hidden, exclude), bytes.
    """
    from mmembed.gallery.upkeep import summarise

    with _opened(gallery) as store:
        found = summarise(store, gallery)
    if as_json:
        roots = [
            {"path": root.name, "files": count, "there": there, "hidden": root.hidden, "exclude": list(root.exclude)}
            for root, count, there in found.roots
        ]
        counts = {"pictures": found.pictures, "files": found.files, "unreadable": found.unreadable}
        marked = {"marks": dict(zip(("right", "wrong"), found.marks, strict=True))}
        contents = {"spaces": found.spaces, "captions": found.captions, **marked, "roots": roots, "bytes": found.bytes_on_disk}
        print_json({"gallery": str(gallery), **counts, **contents})
        return
    click.echo(f"{gallery}: {found.pictures} photos in {found.files} files, {found.bytes_on_disk / 1e6:.1f} MB")
    for space, count in found.spaces.items():
        click.echo(f"  {count} vectors of {space}")
    for language, count in found.captions.items():
        click.echo(f"  {count} captions in {language}")
    if any(found.marks):
        click.echo("  {} hits marked right, {} wrong: mmembed gallery marks".format(*found.marks))
    if found.unreadable:
        click.echo(f"  {found.unreadable} files that could not be read: mmembed gallery list --unreadable")
    for root, count, there in found.roots:
        notes = ["" if there else "not there now", "with hidden files" if root.hidden else "", *(f"without {one}" for one in root.exclude)]
        click.echo(f"  {root.name}: {', '.join((f'{count} files', *filter(None, notes)))}")


@group.command()
@gallery_option
@json_option
def marks(gallery: Path, as_json: bool) -> None:
    """Print which hits were marked right or wrong in the app, for which searches, oldest first.

    JSON fields: right, words, without, picture (fingerprint of the picture that was looked for), path, fingerprint, marked.
    """
    with _opened(gallery) as store:
        said = store.marks()
        paths = {item.fingerprint: str(item.paths[0]) for item in store.items(list({mark.fingerprint for mark in said}))}
    if not said:
        remark(f"No hits of {gallery} were marked; the app does that, with “Right” and “Wrong” below a photo.")
    for mark in said:
        asked, path, when = mark.asked, paths.get(mark.fingerprint), mark.when.isoformat()
        if as_json:
            looked_for = {"words": asked.words, "without": list(asked.without), "picture": asked.picture or None}
            print_json({"right": mark.right, **looked_for, "path": path, "fingerprint": mark.fingerprint, "marked": when})
            continue
        terms = [*([asked.words] if asked.words else []), *([f"like picture {asked.picture[:12]}"] if asked.picture else [])]
        terms += [f"without {words}" for words in asked.without]
        click.echo(f"{'right' if mark.right else 'wrong'}  {when[:10]}  {', '.join(terms)}  {path or mark.fingerprint}")


@group.command()
@click.argument("places", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE|FOLDER...]")
@click.option("--space", metavar="NAME", help="Forget all vectors of this space, as `gallery info` names it.")
@gallery_option
def remove(places: tuple[Path, ...], space: str | None, gallery: Path) -> None:
    """Forget files and folders; the photos themselves are not touched.

    What is indexed again later, comes back. Captions and marks leave with the last file that holds a photo.

    \b
      mmembed gallery remove /media/old-disk
    """
    from mmembed.gallery.upkeep import forget

    if not places and space is None:
        raise click.UsageError("Say what to forget: a FILE, a FOLDER or --space NAME.")
    with _opened(gallery) as store:
        if space is not None:
            if space not in store.spaces():
                raise GalleryError(f"The gallery {gallery} has no vectors of {space!r}; it has some of {', '.join(store.spaces())}.")
            click.echo(f"{store.remove_space(space)} vectors of {space} forgotten.")
        if places:
            before = len(store)
            known = forget(store, places)
            if not known:
                raise GalleryError(f"The gallery {gallery} holds nothing at {', '.join(map(str, places))}.")
            click.echo(f"{known} files forgotten, {before - len(store)} photos left the gallery; the files themselves are as they were.")


@group.command()
@gallery_option
@json_option
def check(gallery: Path, as_json: bool) -> None:
    """Look whether the gallery is sound, and which of its files are missing or changed. Changes nothing.

    Ends with exit code 1 if the gallery itself is damaged. JSON fields: damage, missing, changed.
    """
    from mmembed.gallery.upkeep import check as look

    with _opened(gallery) as store:
        found = look(store)
    if as_json:
        print_json({"damage": list(found.damage), "missing": list(map(str, found.missing)), "changed": list(map(str, found.changed))})
    else:
        for words, paths in (("not there now", found.missing), ("changed since they were indexed", found.changed)):
            if paths:
                click.echo(f"{len(paths)} files are {words}:")
                for path in paths[:_NAMED]:
                    click.echo(f"  {path}")
                if len(paths) > _NAMED:
                    click.echo(f"  and {len(paths) - _NAMED} more")
        if found.missing or found.changed:
            click.echo("To bring the gallery up to date: mmembed index")
        elif not found.damage:
            click.echo(f"{gallery} is sound, and all its files are as they were.")
    if found.damage:
        raise GalleryError(f"The gallery {gallery} is damaged: {'; '.join(found.damage)}; move it away and run `mmembed index` again.")


@group.command()
@click.argument("target", type=click.Path(path_type=Path), metavar="TARGET")
@click.option("--format", "form", type=click.Choice(_FORMS), help="Default: what the suffix of TARGET says, or else npy.")
@click.option("--space", metavar="NAME", help="Whose vectors; needed if the gallery has vectors of several spaces.")
@gallery_option
def export(target: Path, form: str | None, space: str | None, gallery: Path) -> None:
    """Write photos' paths, data, captions and vectors to a new file or folder.

    \b
      parquet   one file, one row a photo
      npy       a folder with vectors.npy and, in the same order, items.jsonl
      datasets  a folder for datasets.load_from_disk, with an image column

    \b
      mmembed gallery export photos.parquet
    """
    from mmembed.gallery.export import export as write

    with _opened(gallery) as store:
        spaces = list(store.spaces())
        if space is None and len(spaces) > 1:
            raise click.UsageError(f"The gallery has vectors of several spaces: choose one with --space, {' or '.join(spaces)}.")
        if space is None and not spaces:
            raise GalleryError(f"The gallery {gallery} is empty.")
        form = form or ("parquet" if target.suffix == ".parquet" else "npy")
        count = write(store, space or spaces[0], form, target)
    remark(f"{count} photos written to {target}.")


@contextmanager
def _opened(gallery: Path) -> Iterator[Store]:
    from mmembed.gallery.sqlite import SqliteStore

    store = SqliteStore(gallery, create=False)
    try:
        yield store
    finally:
        store.close()


COMMANDS = (group,)
