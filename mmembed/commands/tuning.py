"""The `tune` commands."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmembed.commands.evaluation_options import (
    DatasetChoice,
    Given,
    dataset_options,
    given_options,
    given_sentences,
    source_option,
    split_option,
)
from mmembed.commands.terminal import EXISTING, EXISTING_FILE, json_option, preset_option, print_columns, print_json, progress_bar

if TYPE_CHECKING:
    from mmembed.evaluate.tuning import WeightScore


@click.group()
def tune() -> None:
    """Measure, on validation data, how much a picture should choose among what a model proposes, and what is doubtful.

    Of several candidates the best is taken by mean log-probability plus a weight times the cosine between candidate and
    picture in the joint space; of captions also by how much a candidate shares with the others.
    """


@tune.command()
@given_options()
@source_option
@click.option("--lang", "languages", multiple=True, default=("en",), show_default=True, metavar="CODE", help="Of the captions; repeatable.")
@click.option("--unlike", type=EXISTING, metavar="DIR", help="Folder or .zip of photos of another kind: how many would be marked?")
@click.option(
    "--weight", "weights", multiple=True, type=click.FloatRange(min=0), metavar="W", help="Try only this weight of the cosine; repeatable."
)
@click.option(
    "--agreement",
    "agreements",
    multiple=True,
    type=click.FloatRange(min=0),
    metavar="W",
    help="Try only this weight of agreement; repeatable.",
)
@preset_option
@json_option
def captions(
    chosen: AbstractContextManager[Given],
    sources: tuple[str, ...],
    languages: tuple[str, ...],
    unlike: Path | None,
    weights: tuple[float, ...],
    agreements: tuple[float, ...],
    preset: str,
    as_json: bool,
) -> None:
    """The weights among a decoder's captions, how sure these are, and the confidence below which one is doubtful.

    All go into the recipe of `mmembed train bundle`, as captioning: {rerank_weight: …, agreement_weight: …,
    doubtful_below: …, slope: …, offset: …, unfamiliar_below: …}; for a captioner of another space, into that of
    `mmembed train decoder`. The best weights are those with the highest mean CIDEr-D over the languages (`--lang en
    --lang de`). What is not a weight is measured on English captions only: a caption is right if it names nothing
    that the photo's captions neither name nor leave open, by the words in configs/eval/concepts.yaml; slope and
    offset make its similarity a probability of that. A photo is unfamiliar if it is less like those that the space
    was trained on than nearly all photos with right captions are. All of that is of the best of the weights tried, which
    --weight and --agreement choose.

    JSON fields: weight, agreement, mean and one for each language (CIDEr-D), changed (per cent of the captions where
    another than the decoder's first was chosen), best; then for English captions, right (per cent), auroc (right
    captions against the others, by similarity), slope, offset, doubtful_below, marked (per cent of the others below
    it), unfamiliar_below; doubted (per cent of the captions that either makes doubtful), doubted_unlike (the same of
    the photos in --unlike).
    """
    import mmembed
    from mmembed.evaluate.pictures import PictureFolder
    from mmembed.evaluate.tables import by_picture, select
    from mmembed.evaluate.trust import DOUBTED
    from mmembed.evaluate.tuning import AGREEMENTS, CAPTION_WEIGHTS, tune_captions

    with chosen as data:
        rows, _ = data.read()
        texts = {language: by_picture(select(rows, languages=[language], sources=sources)) for language in languages}
        with PictureFolder(data.images) as folder, PictureFolder(unlike) as others, progress_bar() as progress:
            model = mmembed.load(preset)
            found = tune_captions(
                model,
                folder,
                texts,
                weights or CAPTION_WEIGHTS,
                agreements or AGREEMENTS,
                progress=progress,
                unlike=others if unlike else None,
            )
    _print(found.weights, ("mean CIDEr-D", *languages), as_json)
    trust = found.trust
    if trust is None:
        return
    if as_json:
        print_json({**trust.as_dict(), "doubted": found.doubted, "doubted_unlike": found.doubted_unlike})
        return
    click.echo(f"{trust.right:.1f} % of {trust.captions} captions name nothing wrong; AUROC of the similarity {trust.auroc:.3f}")
    click.echo(f"Confidence: slope {trust.slope:g}, offset {trust.offset:g}")
    click.echo(f"Below {trust.doubtful_below:g} are {100 * DOUBTED:.0f} % of these captions and {trust.marked:.1f} % of the others")
    if trust.unfamiliar_below > -1:
        click.echo(f"Less like what was learned from than {trust.unfamiliar_below:g} are as many of their photos")
    click.echo(f"So {found.doubted:.1f} % of all these captions are doubtful", nl=unlike is None)
    if unlike:
        click.echo(f", and {found.doubted_unlike:.1f} % of those of {unlike.name}")


@tune.command()
@click.option("--source", type=EXISTING_FILE, metavar="FILE.txt", help="Validation sentences, one a line.")
@click.option("--references", type=EXISTING_FILE, metavar="FILE.txt", help="Their translations.")
@click.option("--images", type=EXISTING_FILE, metavar="FILE.txt", help="A picture's name a line; an empty line is none.")
@click.option("--images-dir", type=EXISTING, metavar="DIR", help="Folder or .zip that the names are in; without it they are paths.")
@click.option("--from", "source_language", required=True, metavar="CODE", help="Language of the sentences.")
@click.option("--to", required=True, metavar="CODE", help="Language to translate to.")
@split_option
@dataset_options
@preset_option
@json_option
def translations(
    source: Path | None,
    references: Path | None,
    images: Path | None,
    images_dir: Path | None,
    source_language: str,
    to: str,
    split: str | None,
    dataset: DatasetChoice | None,
    preset: str,
    as_json: bool,
) -> None:
    """The weight among the candidates of a text-only translator, which becomes multimodal by it.

    Use the weight that this command finds with: MMEMBED_RERANK=WEIGHT mmembed translate …

    \b
      mmembed tune translations --dataset owner/name --split validation --from en --to de --preset siglip2-base+opus-mt

    JSON fields: weight, bleu, chrf, changed (per cent of the sentences where the picture changed the choice), best.
    """
    import mmembed
    from mmembed.evaluate.pictures import PictureFolder
    from mmembed.evaluate.tuning import tune_translations

    if dataset is None and images is None:
        raise click.UsageError("Give --source, --references and --images, or --dataset.")
    files = (source, [references] if references else [], images, images_dir)
    with given_sentences(*files, split, dataset, (source_language, to)) as data:
        numbered = dataset is None and images_dir is not None
        with PictureFolder(data.folder, by_number=numbered) as folder, progress_bar() as progress:
            known = [name if name and folder.find(name) else None for name in data.pictures or [None] * len(data.sources)]
            model = mmembed.load(preset)
            found = tune_translations(model, data.sources, data.references[0], source_language, to, known, folder, progress=progress)
    _print(found, ("BLEU", "chrF2"), as_json)


@tune.command()
@click.option("--table", required=True, type=EXISTING_FILE, metavar="FILE.tsv", help="Columns split, image, and one a language.")
@click.option("--split", default="val", show_default=True, metavar="NAME", help="The rows to translate.")
@click.option("--limit", type=click.IntRange(min=20), metavar="N", help="So many of them, evenly spread; all by default.")
@click.option("--bundle", type=EXISTING, metavar="DIR", help="Measure the bundle in this folder, and write what is found into it.")
@preset_option
@json_option
def doubts(table: Path, split: str, limit: int | None, bundle: Path | None, preset: str, as_json: bool) -> None:
    """The score below which a translation is doubtful, for each pair of languages.

    A score is the decoder's mean log-probability. Captions, which it was trained on, it translates with more confidence than
    other texts; a translation that scores less than nearly all translations of captions may well be wrong, and a note says so.

    With --bundle the numbers go into the manifest of the bundle. The recipe of `mmembed train bundle` takes them as
    doubtful_translations: {en-de: …}, so that the next export has them too.

    \b
      mmembed tune doubts --table multi30k/task1.tsv.xz --limit 150 --bundle mmembed/weights/mini

    JSON fields: pair, below.
    """
    import mmembed
    from mmembed.bundle import change_manifest
    from mmembed.evaluate.tables import columns_of, read_parallel
    from mmembed.evaluate.tuning import UNSURE, tune_doubts

    model = mmembed.load(str(bundle) if bundle else preset)
    languages = [code for code in columns_of(table) if code in model.decoder.translation_languages]
    _, sentences = read_parallel(table, split, languages)
    with progress_bar() as progress:
        found = tune_doubts(model, sentences, limit, progress)
    if bundle:
        change_manifest(bundle, doubtful_translations=found)
    if as_json:
        for pair, below in found.items():
            print_json({"pair": pair, "below": below})
    else:
        print_columns(("pair", "doubtful below"), [(pair, f"{below:.3f}") for pair, below in found.items()])
        click.echo(f"{100 * UNSURE:.0f} % of the translations of these captions have a lower score.")


def _print(scores: list[WeightScore], metrics: tuple[str, ...], as_json: bool) -> None:
    from mmembed.evaluate.tuning import best

    chosen = best(scores)
    if as_json:
        for score in scores:
            print_json({**score.as_dict(), "best": score == chosen})
        return
    rows = [
        (
            *(f"{weight:g}" for weight in score.weights.values()),
            *(f"{value:.2f}" for value in score.scores.values()),
            f"{score.changed:.1f}",
        )
        for score in scores
    ]
    print_columns((*chosen.weights, *metrics, "changed %"), rows)
    click.echo(f"Best: {', '.join(f'{name} {weight:g}' for name, weight in chosen.weights.items())}")


COMMANDS = (tune,)
