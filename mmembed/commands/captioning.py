"""`caption`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmembed.commands.terminal import (
    EXISTING,
    column_option,
    dataset_option,
    json_option,
    part_option,
    preset_option,
    print_json,
    progress_bar,
    remark,
    separated,
)
from mmembed.errors import GalleryError, InvalidData, UnknownLanguage, UnreadablePicture
from mmembed.generate.base import Caption, Style
from mmembed.generate.outputs.describing import BATCH, Describe, Failure, Outcome, describe_all
from mmembed.generate.outputs.sinks import Sink, Subject, TextSidecars, XmpSidecars, as_row, sink_for
from mmembed.languages import find
from mmembed.media.picture import Picture

if TYPE_CHECKING:
    from mmembed.gallery import Gallery
    from mmembed.model import Model


@click.command()
@click.argument("places", nargs=-1, type=EXISTING, metavar="PICTURE|FOLDER|GALLERY...")
@dataset_option
@part_option
@column_option
@click.option(
    "--lang", "languages", multiple=True, default=("en",), show_default=True, callback=separated, metavar="CODE",
    help="Language to write in; repeatable, or with commas: en,de.",
)  # fmt: skip
@click.option("-n", "count", default=1, show_default=True, type=click.IntRange(1, 10), metavar="N", help="How many wordings of each.")
@click.option("--beams", default=4, show_default=True, type=click.IntRange(1, 16), help="Width of the search for the likeliest words.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Draw words at random instead; the same seed, the same captions.")
@click.option("--temperature", default=0.7, show_default=True, type=click.FloatRange(0.1, 2), help="With --seed: how far to venture.")
@click.option("--shortest", default=0, type=click.IntRange(min=0), metavar="N", help="Fewest words.")
@click.option("--longest", default=0, type=click.IntRange(min=0), metavar="N", help="Most words; as many as it takes if not given.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FILE",
    help="Write to a .jsonl, .csv or .tsv file, or, without ending, a folder for `datasets`. What is in it already is not done again.",
)  # fmt: skip
@click.option(
    "--sidecar", "sidecars", multiple=True, type=click.Choice(["txt", "xmp", "xmp-adobe"]),
    help="Write beside each picture: photo.txt, photo.jpg.xmp, or photo.xmp as Adobe's programs want it; repeatable.",
)  # fmt: skip
@click.option("--again", is_flag=True, help="Also describe what has a caption, and replace that.")
@preset_option
@json_option
def caption(
    places: tuple[Path, ...], dataset: str | None, split: str, column: str | None, languages: tuple[str, ...], count: int, beams: int,
    seed: int | None, temperature: float, shortest: int, longest: int, out: Path | None, sidecars: tuple[str, ...], again: bool,
    preset: str, as_json: bool,
) -> None:  # fmt: skip
    """Describe photos in words.

    A file that is no readable picture is named on standard error, and the others go on. Of a gallery all photos are
    described; the captions are kept in it, and searched. With --out, --sidecar and galleries, what has a caption already is
    passed over, so an interrupted run goes on where it was. A sidecar's other content stays as it is. The percentage is the
    probability that a caption names nothing that is not in the photo.

    \b
      mmembed caption beach.jpg --lang de
      mmembed caption ~/Pictures --lang en,fr --out captions.jsonl
      mmembed caption ~/Pictures --sidecar xmp
      mmembed caption photos.mm
      mmembed caption --dataset pictures.parquet --json > captions.jsonl

    JSON fields: path, language, text, similarity (how well the words fit the picture, up to 1), confidence (the probability
    that they do), doubtful (whether that is low, or the photo unlike those the model learned from), score (the decoder's),
    alternatives, unfamiliar (whether it is the photo that is doubted), looks_like (what such a photo looks most like), and
    written_by where other models than the preset's one bundle wrote it.
    """
    if bool(places) == bool(dataset):
        raise click.UsageError("Give PICTURE, FOLDER or GALLERY, or --dataset NAME.")
    if dataset and sidecars:
        raise click.UsageError("--sidecar goes with files, not with --dataset.")
    if longest and shortest > longest:
        raise click.UsageError("--shortest is more than --longest.")
    import mmembed
    from mmembed.gallery.database import DATABASE

    model = mmembed.load(preset)
    languages = tuple(dict.fromkeys(_served(language, model.decoder.caption_languages) for language in languages))
    style = Style(shortest, longest, seed, temperature)
    files = [*([sink_for(out, again)] if out else [])]
    files += [TextSidecars(languages, again) if kind == "txt" else XmpSidecars(kind == "xmp-adobe", again) for kind in sidecars]
    galleries = [place for place in places if (place / DATABASE).is_file()]
    folders = [place for place in places if place not in galleries]
    outcomes = []
    for gallery in galleries:
        outcomes.append(_describe_gallery(model, gallery, languages, files, count, beams, style, again, as_json))
    sinks: list[Sink] = [*files, *([_Printed(as_json)] if as_json or not files else [])]
    if folders:
        outcomes.append(_describe_files(model, folders, languages, sinks, count, beams, style))
    if dataset:
        outcomes.append(_describe_dataset(model, dataset, split, column, languages, sinks, count, beams, style))
    if not as_json and model.captioner is not None and any(outcome.described for outcome in outcomes):
        for language in languages:
            remark(f"{language}: written by {model.captioner.credit(language)}")
    _conclude(outcomes, summarised=bool(files or galleries))


def _doubt(caption: Caption) -> str:
    """Why not to believe a caption, or what else may be shown, in brackets; empty if there is no reason."""
    if not caption.unfamiliar:
        return "  (doubtful)" if caption.doubtful else ""
    looks = f"; perhaps {', '.join(caption.looks_like)}" if caption.looks_like else ""
    return f"  ({'doubtful: ' if caption.doubtful else ''}unlike the photos the model knows{looks})"


class _Printed:
    """Standard output as a sink."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def done(self, subject: Subject) -> set[str]:
        return set()

    def write(self, subject: Subject, captions: Sequence[Caption]) -> None:
        for found in captions:
            if self._as_json:
                print_json(as_row(subject.path, found))
                continue
            sure = "" if found.confidence is None else f"{found.confidence:.0%}"
            click.echo(f"{subject.path}  {found.language}  {sure:>4}  {found.text}{_doubt(found)}")
            for text in found.alternatives:
                click.echo(f"{' ' * len(str(subject.path))}  {found.language}        {text}")

    def close(self) -> None:
        pass


class _Kept:
    """A gallery as a sink: its captions are searchable."""

    def __init__(self, gallery: Gallery, again: bool) -> None:
        self._gallery, self._again = gallery, again

    def done(self, subject: Subject) -> set[str]:
        return set() if self._again else {found.language for found in self._gallery.captions(subject.fingerprint)}

    def write(self, subject: Subject, captions: Sequence[Caption]) -> None:
        for found in captions:
            self._gallery.add_caption(subject.fingerprint, found)

    def close(self) -> None:
        pass


def _describe_files(
    model: Model, folders: Sequence[Path], languages: Sequence[str], sinks: Sequence[Sink], count: int, beams: int, style: Style
) -> Outcome:
    from mmembed.media.find import find_pictures

    finding = find_pictures(folders)
    for problem in finding.problems:
        _name(Failure(problem.path, problem.reason))
    if not finding.files:
        raise InvalidData(f"There are no pictures in {', '.join(map(str, folders))}.")

    def describe(subjects: Sequence[Subject], wanted: Sequence[str]) -> list[list[Caption] | str]:
        return _captions(model, [_opened(subject.path, model.picture_size) for subject in subjects], wanted, count, beams, style)

    outcome = _run([Subject(file.path) for file in finding.files], languages, sinks, describe)
    problems = tuple(Failure(problem.path, problem.reason) for problem in finding.problems)
    _refuse_none(outcome, f"{len(finding.files)} files")
    return Outcome(outcome.described, outcome.unchanged, outcome.failures + problems)


def _describe_dataset(
    model: Model,
    dataset: str,
    split: str,
    column: str | None,
    languages: Sequence[str],
    sinks: Sequence[Sink],
    count: int,
    beams: int,
    style: Style,
) -> Outcome:
    from mmembed.hub.dataset import read_dataset

    held: dict[Path, Picture | str] = {}  # of the batch that is being described

    def subjects() -> Iterator[Subject]:
        names: set[str] = set()
        for number, row in enumerate(read_dataset(dataset, split, column, model.picture_size)):
            subject = Subject(Path(row.name if row.name not in names else f"{row.name}#{number}"))
            names.add(row.name)
            held[subject.path] = row.picture or row.problem or "there is no picture in it"
            if len(held) > BATCH:
                del held[next(iter(held))]
            yield subject

    def describe(subjects: Sequence[Subject], wanted: Sequence[str]) -> list[list[Caption] | str]:
        return _captions(model, [held[subject.path] for subject in subjects], wanted, count, beams, style)

    outcome = _run(subjects(), languages, sinks, describe)
    _refuse_none(outcome, f"{len(outcome.failures)} pictures of {dataset}")
    return outcome


def _describe_gallery(
    model: Model,
    folder: Path,
    languages: Sequence[str],
    files: Sequence[Sink],
    count: int,
    beams: int,
    style: Style,
    again: bool,
    as_json: bool,
) -> Outcome:
    from mmembed.gallery import Gallery

    with Gallery(folder, model, create=False) as gallery:
        if gallery.store.read_only:
            raise GalleryError(f"The gallery {folder} may only be read, so it cannot keep captions; allow writing to its folder.")
        items, vectors = gallery.vectors()
        row = {item.fingerprint: number for number, item in enumerate(items)}

        def describe(subjects: Sequence[Subject], wanted: Sequence[str]) -> list[list[Caption] | str]:
            if not model.reads_vectors:
                opened = [_first_opened(items[row[subject.fingerprint]].paths, model.picture_size) for subject in subjects]
                return _captions(model, opened, wanted, count, beams, style)
            columns = model.caption_vectors(vectors[[row[subject.fingerprint] for subject in subjects]], wanted, count, beams, style)
            return [list(captions) for captions in zip(*columns, strict=True)]

        subjects = [Subject(item.paths[0], item.fingerprint) for item in items]
        sinks = [*files, _Kept(gallery, again), *([_Printed(True)] if as_json else [])]
        outcome = _run(subjects, languages, sinks, describe)
        if subjects:
            _refuse_none(outcome, f"{len(subjects)} photos of {folder}")
        return outcome


def _refuse_none(outcome: Outcome, tried: str) -> None:
    if not outcome.described and not outcome.unchanged:
        raise InvalidData(f"None of the {tried} could be described.")


def _run(subjects: Iterable[Subject], languages: Sequence[str], sinks: Sequence[Sink], describe: Describe) -> Outcome:
    printing = any(isinstance(sink, _Printed) for sink in sinks)
    # What is only printed is lacking everywhere; beside a file, what the file has is not printed again.
    lasting = [sink for sink in sinks if not isinstance(sink, _Printed)]
    sinks = [_Following(sink, lasting) if isinstance(sink, _Printed) and lasting else sink for sink in sinks]
    with progress_bar(results_flow=printing) as progress:
        return describe_all(subjects, languages, sinks, describe, progress, _name)


class _Following:
    """Standard output beside files: prints what at least one of them takes."""

    def __init__(self, printed: _Printed, others: Sequence[Sink]) -> None:
        self._printed, self._others = printed, others
        self.write, self.close = printed.write, printed.close

    def done(self, subject: Subject) -> set[str]:
        return set.intersection(*(sink.done(subject) for sink in self._others))


def _opened(path: Path, side: int) -> Picture | str:
    try:
        return Picture.open(path, side)
    except UnreadablePicture as error:
        return str(error)


def _first_opened(paths: Sequence[Path], side: int) -> Picture | str:
    """Any of a picture's copies."""
    found: Picture | str = "it has no file any more"
    for path in paths:
        found = _opened(path, side)
        if isinstance(found, Picture):
            break
    return found


def _captions(
    model: Model, opened: Sequence[Picture | str], languages: Sequence[str], count: int, beams: int, style: Style
) -> list[list[Caption] | str]:
    """For each picture its captions; the reason stays where there is no picture."""
    pictures = [picture for picture in opened if isinstance(picture, Picture)]
    written = iter(zip(*model.caption_in(pictures, languages, count, beams, style), strict=True))
    return [list(next(written)) if isinstance(picture, Picture) else picture for picture in opened]


def _served(language: str, known: Sequence[str]) -> str:
    found = find(language, known)
    if found is None:
        raise UnknownLanguage(language, tuple(known))
    return found


def _name(failure: Failure) -> None:
    remark(f"skipped {failure.path}: {failure.reason}")


def _conclude(outcomes: Sequence[Outcome], summarised: bool) -> None:
    described, unchanged = (sum(getattr(outcome, name) for outcome in outcomes) for name in ("described", "unchanged"))
    skipped = sum(len(outcome.failures) for outcome in outcomes)
    if skipped or summarised:
        parts = [f"{described} photos described"]
        parts += [f"{unchanged} had captions already"] if unchanged else []
        parts += [f"{skipped} skipped"] if skipped else []
        remark(", ".join(parts) + ".")


COMMANDS = (caption,)
