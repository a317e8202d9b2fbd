"""`eval names`, `looks`, `foils`, `negation` and `confidence`: how far a space reaches, and what its scores mean."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import click

from mmembed.commands.evaluation_options import (
    Given,
    given_options,
    labels_options,
    load,
    several_splits_option,
    source_option,
)
from mmembed.commands.terminal import json_option, preset_option, print_columns, print_json, progress_bar
from mmembed.errors import InvalidData
from mmembed.evaluate.confidence import SIZES
from mmembed.evaluate.pictures import PictureFolder
from mmembed.evaluate.tables import CaptionRow, LabelRow, select


@click.command()
@labels_options
@preset_option
@json_option
def names(chosen: AbstractContextManager[tuple[Path, list[LabelRow]]], preset: str, as_json: bool) -> None:
    """Is a photo's right name nearer to it than all other names of the table?

    The names are embedded as they are. Top 1 and top 5 are the shares of the photos whose right name ranks first, or among
    the first five: of the names as texts; as searches know them, who also go by words and by what a bundle knows by sight; and
    as if it knew none of the kinds of things that have one of the names in theirs, so that it is left with what these look
    like. Found is the share of the names that, searched for among the photos, find a right one first. A dataset has its names
    in the column label, or in the one of --text-column; classes go by their names.

    \b
      mmembed eval names --images photos --labels labels.tsv
      mmembed eval names --dataset owner/name --split test --text-column species

    JSON fields: pictures, names, top1, top5, sight1, sight5, unseen1, unseen5, found (per cent).
    """
    from mmembed.evaluate.names import evaluate_names

    with chosen as (pictures, rows), PictureFolder(pictures) as folder, progress_bar() as progress:
        result = evaluate_names(load(preset), folder, rows, progress=progress)
    if as_json:
        print_json(result.as_dict())
        return
    ways = ("texts", result.top1, result.top5), ("searches", result.sight1, result.sight5), ("unseen", result.unseen1, result.unseen5)
    print_columns(("names as", "top 1", "top 5"), [(way, f"{top1:.1f}", f"{top5:.1f}") for way, top1, top5 in ways])
    click.echo(f"{result.found:.1f} % of {result.names} names find one of {result.pictures} photos.")


@click.command()
@labels_options
@preset_option
@json_option
def looks(chosen: AbstractContextManager[tuple[Path, list[LabelRow]]], preset: str, as_json: bool) -> None:
    """Does a photo look like what it shows?

    Of a photo unlike those it learned from, a bundle says which kinds of things it looks most like. Top 1 and top 3 are the
    shares of the photos whose label names the likeliest, or one of the likeliest three; said is the share of those whose English
    caption says the label, or another name of a kind that it names. Photos whose label names none of the kinds are left out.
    Below, all unfamiliar photos whose caption only names what they look like: how often that is right, the confidence stated,
    and how many of them are not marked as doubtful.

    \b
      mmembed eval looks --images photos --labels labels.tsv

    JSON fields: pictures, kinds, top1, top3, said (per cent), unfamiliar (how many are unlike what was learned from),
    unfamiliar_top3, unfamiliar_said; plain (how many are only named, of all that are unfamiliar), plain_right, plain_stated (per
    cent), unmarked (how many of these are not doubtful), unmarked_right (per cent), naming (slope and offset of that confidence as
    these photos would have it).
    """
    from mmembed.evaluate.names import evaluate_looks

    with chosen as (pictures, rows), PictureFolder(pictures) as folder, progress_bar() as progress:
        result = evaluate_looks(load(preset), folder, rows, progress)
    if as_json:
        print_json(result.as_dict())
        return
    everything = ("all", str(result.pictures), f"{result.top1:.1f}", f"{result.top3:.1f}", f"{result.said:.1f}")
    strange = ("unfamiliar", str(result.unfamiliar), "", f"{result.unfamiliar_top3:.1f}", f"{result.unfamiliar_said:.1f}")
    print_columns(("photos", "number", "top 1", "top 3", "said"), [everything, strange])
    if result.plain:
        click.echo(f"{result.plain} photos are only named: {result.plain_right:.1f} % rightly, {result.plain_stated:.1f} % stated.")
        click.echo(f"{result.unmarked} of these are not marked as doubtful: {result.unmarked_right:.1f} % rightly named.")


@click.command()
@given_options()
@source_option
@preset_option
@json_option
def foils(
    chosen: AbstractContextManager[Given],
    sources: tuple[str, ...],
    preset: str,
    as_json: bool,
) -> None:
    """Does a caption with one wrong word fit its photo less than the caption itself?

    In each English caption one noun or colour is swapped for another of its kind that no caption of the photo names; the
    words are in configs/eval/concepts.yaml. Pairwise is the share of captions that are nearer to the photo than their own
    foil is; AUROC tells all captions from all foils, by similarity and by confidence.

    JSON fields: kind, foils, pairwise (per cent), auroc_similarity, auroc_confidence.
    """
    from mmembed.evaluate.concepts import shipped_concepts
    from mmembed.evaluate.foils import evaluate_foils

    with chosen as data:
        rows = _english(data, sources)
        with PictureFolder(data.images) as folder, progress_bar() as progress:
            results = evaluate_foils(load(preset), folder, rows, shipped_concepts(), progress)
    if not results:
        raise InvalidData(f"{data.name} has no English caption with a word that can be swapped; see configs/eval/concepts.yaml.")
    if as_json:
        for result in results:
            print_json(result.as_dict())
        return
    lines = [
        (result.kind, f"{result.pairwise:.1f}", f"{result.auroc_similarity:.3f}", f"{result.auroc_confidence:.3f}", str(result.foils))
        for result in results
    ]
    print_columns(("swapped", "pairwise", "AUROC of similarity", "AUROC of confidence", "foils"), lines)


@click.command()
@given_options()
@source_option
@preset_option
@json_option
def negation(
    chosen: AbstractContextManager[Given],
    sources: tuple[str, ...],
    preset: str,
    as_json: bool,
) -> None:
    """Does --not keep away what is not wanted?

    Searches for one thing without another, such as "dog" without "snow": every pair of words from
    configs/eval/concepts.yaml that the English captions make a fair query. Asked in three ways: the wanted thing alone, both
    in a sentence, and with --not. Counted among the first ten hits are photos that show the unwanted thing, and photos that
    show the wanted and not the unwanted one.

    JSON fields: way, queries, pictures, unwanted, right (per cent).
    """
    from mmembed.evaluate.concepts import shipped_concepts
    from mmembed.evaluate.negation import HITS, TEMPTING, evaluate_negation

    with chosen as data:
        rows = _english(data, sources)
        with PictureFolder(data.images) as folder, progress_bar() as progress:
            results = evaluate_negation(load(preset), folder, rows, shipped_concepts(), progress)
    if not results:
        raise InvalidData(
            f"{data.name} makes no query: it takes {HITS} photos with a thing and without another, and {TEMPTING} with both of them."
        )
    if as_json:
        for result in results:
            print_json(result.as_dict())
        return
    lines = [(result.way, f"{result.unwanted:.1f}", f"{result.right:.1f}", str(result.queries), str(result.pictures)) for result in results]
    print_columns(("asked as", f"unwanted in {HITS}", f"right in {HITS}", "queries", "pictures"), lines)


@click.command()
@given_options(several_splits_option)
@source_option
@click.option("--size", "sizes", multiple=True, type=click.IntRange(min=1), default=SIZES, show_default=True, help="Pictures in a gallery.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw the reliability: .png, .svg or .pdf.")
@preset_option
@json_option
def confidence(
    chosen: AbstractContextManager[Given],
    sources: tuple[str, ...],
    sizes: tuple[int, ...],
    plot: Path | None,
    preset: str,
    as_json: bool,
) -> None:
    """Do confidences come true, and is nothing called a good match when there is none?

    Searches galleries drawn from the photos for English captions and for single words: half of the galleries hold what is
    asked for, half do not. For a caption its own photo is right; other photos that show all that it names are left out, as are
    those whose captions leave open whether they show what the word names. AUROC tells these halves apart by the confidence of
    the best hit; the expected calibration error (ECE) is how far confidences are from the share of best hits that are right.
    First are the galleries with the thing whose best hit is right, found those where it reaches 50 %, refused the galleries
    without the thing where it does not. Sizes that need more photos than there are are left out.

    JSON fields: queries, size, searches, auroc, error (ECE, per cent), first, found, refused (per cent), bins (count, stated,
    true).
    """
    from mmembed.evaluate.concepts import shipped_concepts
    from mmembed.evaluate.confidence import evaluate_confidence
    from mmembed.evaluate.reliability_plot import check_plot, plot_reliability

    if plot:
        check_plot(plot)
    with chosen as data:
        rows = _english(data, sources)
        with PictureFolder(data.images) as folder, progress_bar() as progress:
            results = evaluate_confidence(load(preset), folder, rows, shipped_concepts(), sizes, progress)
    if not results:
        raise InvalidData(f"A gallery of {min(sizes)} needs English captions of more than {min(sizes)} photos to draw from.")
    if plot:
        plot_reliability(results, plot)
    if as_json:
        for result in results:
            print_json(result.as_dict())
        return
    lines = []
    for result in results:
        shares = [f"{share:.1f}" for share in (result.error, result.first, result.found, result.refused)]
        lines.append((result.queries, str(result.size), f"{result.auroc:.3f}", *shares, str(result.searches)))
    print_columns(("queries", "gallery", "AUROC", "ECE", "first", "found", "refused", "searches"), lines)


def _english(data: Given, sources: tuple[str, ...]) -> list[CaptionRow]:
    rows, _ = data.read()
    return select(rows, languages=["en"], sources=sources)


COMMANDS = (names, looks, foils, negation, confidence)
