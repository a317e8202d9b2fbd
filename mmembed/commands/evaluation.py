"""`eval`: measure a model on one's own data, or regenerate the tables of the README."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import click

from mmembed.commands import evaluation_scores
from mmembed.commands.evaluation_options import (
    DatasetChoice,
    Given,
    dataset_options,
    given,
    given_options,
    given_sentences,
    images_option,
    languages_option,
    load,
    some_captions_option,
    some_images_option,
    source_option,
    split_option,
    splits_option,
)
from mmembed.commands.terminal import (
    EXISTING,
    EXISTING_FILE,
    json_option,
    preset_option,
    print_columns,
    print_json,
    progress_bar,
    separated,
)
from mmembed.errors import InvalidData
from mmembed.evaluate.pictures import PictureFolder
from mmembed.evaluate.tables import by_language, by_picture, read_masked, select


@click.group("eval")
def evaluate() -> None:
    """Measure a model: retrieval, captions, translation, and what its scores mean."""


for command in evaluation_scores.COMMANDS:
    evaluate.add_command(command)


@evaluate.command()
@given_options()
@languages_option(help="Only captions in these languages; repeatable, or with commas. All by default.")
@source_option
@preset_option
@json_option
def retrieval(
    chosen: AbstractContextManager[Given],
    languages: tuple[str, ...],
    sources: tuple[str, ...],
    preset: str,
    as_json: bool,
) -> None:
    """Does a text find its picture, and a picture its text?

    Recall@1/5/10 and median rank, both ways, for each language. All languages search among the same pictures: those
    that the table names, or those of the split. From picture to text, the best of the picture's captions counts.

    \b
      mmembed eval retrieval --images photos --captions captions.tsv
      mmembed eval retrieval --dataset owner/name --split test --text-column en=caption

    JSON fields: language, pictures, captioned, captions, text_to_image, image_to_text; each way has recall@1, recall@5,
    recall@10 (per cent) and median_rank.
    """
    from mmembed.evaluate.retrieval import evaluate_retrieval

    with chosen as data:
        every, gallery = data.read()
        rows = select(every, languages=languages, sources=sources)
        with PictureFolder(data.images) as folder, progress_bar() as progress:
            results = evaluate_retrieval(load(preset), folder, rows, gallery, progress)
    if as_json:
        for result in results:
            print_json(result.as_dict())
        return
    header = ("language", "direction", "R@1", "R@5", "R@10", "median rank", "queries", "among")
    lines = []
    for result in results:
        ways = {
            "text→image": (result.text_to_image, result.captions, result.pictures),
            "image→text": (result.image_to_text, result.captioned, result.captions),
        }
        for way, (recall, queries, among) in ways.items():
            shares = [f"{recall.at[k]:.1f}" for k in (1, 5, 10)]
            lines.append((result.language, way, *shares, f"{recall.median_rank:.1f}", str(queries), str(among)))
    print_columns(header, lines)


@evaluate.command()
@some_images_option
@some_captions_option
@splits_option
@split_option
@dataset_options
@languages_option(default=("en",), show_default=True, help="Languages to describe pictures in; repeatable, or with commas.")
@source_option
@click.option("--neighbours-images", type=EXISTING, metavar="DIR", help="Pictures the baseline copies from. Default: --images.")
@click.option("--neighbours-captions", type=EXISTING_FILE, metavar="FILE.tsv", help="Their captions. Default: --captions.")
@click.option("--neighbours-split", metavar="NAME", help="Their split in --splits, such as train.")
@preset_option
@json_option
def caption(
    images: Path | None,
    captions: Path | None,
    splits: Path | None,
    split: str | None,
    dataset: DatasetChoice | None,
    languages: tuple[str, ...],
    sources: tuple[str, ...],
    neighbours_images: Path | None,
    neighbours_captions: Path | None,
    neighbours_split: str | None,
    preset: str,
    as_json: bool,
) -> None:
    """How good are the captions, against references?

    CIDEr-D, BLEU-4 and ROUGE-L, all × 100; needs `pip install pycocoevalcap`. Beside them, the baseline that any
    decoder has to beat: the first caption of the most similar picture, looked for among the pictures of the
    --neighbours options or, without these, among the other pictures of the evaluation (leave-one-out). Of a dataset,
    --neighbours-split names another part.

    JSON fields: language, cider, bleu4, rouge_l, pictures, references, nearest_neighbour and through_english (cider, bleu4, rouge_l),
    ahead_95 (by how much CIDEr-D the model's own captions are ahead of its English ones, translated: bounds of the paired bootstrap
    95 % interval), baseline_pool, distinct (different captions per hundred pictures), tokenizer.
    """
    from mmembed.evaluate.captions import Pool, evaluate_captions

    with ExitStack() as opened:
        data = opened.enter_context(given(images, captions, splits, split, dataset))
        references = _references(data, languages, sources)
        pool = None
        if neighbours_images or neighbours_captions or neighbours_split:
            files = (neighbours_images or images, neighbours_captions or captions, splits)
            others = opened.enter_context(given(*files, neighbours_split, dataset))
            known = _references(others, languages, sources)
            count = len({image for pictures in known.values() for image in pictures})
            place = f"split {neighbours_split}" if neighbours_split else (neighbours_captions or neighbours_images or data.captions).name
            pool = Pool(f"{place}, {count} pictures", opened.enter_context(PictureFolder(others.images)), known)
        folder, progress = opened.enter_context(PictureFolder(data.images)), opened.enter_context(progress_bar())
        results = evaluate_captions(load(preset), folder, references, pool, progress)
    if as_json:
        for result in results:
            print_json(result.as_dict())
        return
    lines = []
    for result in results:
        ways = {"model": result.metrics, "nearest neighbour": result.nearest_neighbour, "English, translated": result.through_english}
        for name, metrics in ((name, metrics) for name, metrics in ways.items() if metrics):
            scores = [f"{score:.1f}" for score in (metrics.cider, metrics.bleu4, metrics.rouge_l)]
            lines.append((result.language, name, *scores, str(result.pictures), str(result.references)))
    print_columns(("language", "captions of", "CIDEr-D", "BLEU-4", "ROUGE-L", "pictures", "references"), lines)
    click.echo(f"Neighbours: {results[0].baseline_pool}. Words: {'; '.join(dict.fromkeys(result.tokenizer for result in results))}.")


@evaluate.command()
@click.option("--source", type=EXISTING_FILE, metavar="FILE.txt", help="Sentences to translate, one a line.")
@click.option("--references", multiple=True, type=EXISTING_FILE, metavar="FILE.txt", help="Their translations; repeatable.")
@click.option("--from", "source_language", required=True, metavar="CODE", help="Language of the sentences.")
@click.option("--to", required=True, metavar="CODE", help="Language to translate to.")
@click.option("--images", type=EXISTING_FILE, metavar="FILE.txt", help="A picture's path or name a line; an empty line is none.")
@click.option("--images-dir", type=EXISTING, metavar="DIR", help="Folder or .zip that the names are in; without it they are paths.")
@split_option
@dataset_options
@preset_option
@json_option
def translate(
    source: Path | None,
    references: tuple[Path, ...],
    source_language: str,
    to: str,
    images: Path | None,
    images_dir: Path | None,
    split: str | None,
    dataset: DatasetChoice | None,
    preset: str,
    as_json: bool,
) -> None:
    """How good are the translations, and does the picture matter?

    sacreBLEU's BLEU and chrF2. With --images, also over the sentences that have a picture: with the right one, with
    another sentence's (shuffled, the same on every run) and with none.

    \b
      mmembed eval translate --source en.txt --references de.txt --from en --to de --images images.txt
      mmembed eval translate --dataset owner/name --text-column en=caption,de=german --from en --to de

    Without --text-column, a dataset's columns are called as the languages.

    JSON fields: from, to, rows, bleu, chrf, signature, pictured (right, shuffled, none; each with rows, bleu, chrf).
    """
    from mmembed.evaluate.translations import evaluate_translations

    with (
        given_sentences(source, references, images, images_dir, split, dataset, (source_language, to)) as data,
        PictureFolder(data.folder) as folder,
        progress_bar() as progress,
    ):
        result = evaluate_translations(load(preset), data.sources, data.references, source_language, to, data.pictures, folder, progress)
    if as_json:
        print_json(result.as_dict())
        return
    conditions = {"all sentences": result.metrics, **{f"{name} picture": metrics for name, metrics in result.pictured.items()}}
    lines = [(name, f"{scores.bleu:.1f}", f"{scores.chrf:.1f}", str(scores.rows)) for name, scores in conditions.items()]
    print_columns((f"{source_language}→{to}", "BLEU", "chrF2", "sentences"), lines)
    click.echo(result.signature)


@evaluate.command()
@click.option(
    "--table",
    required=True,
    type=EXISTING_FILE,
    metavar="FILE.tsv",
    help="Columns image, masked_en, and de_stems or the like.",
)
@images_option
@click.option(
    "--to", "languages", multiple=True, callback=separated, metavar="CODE", help="Languages to translate to; all of the table by default."
)
@preset_option
@json_option
def masked(table: Path, images: Path, languages: tuple[str, ...], preset: str, as_json: bool) -> None:
    """Can the model see what a masked word must be?

    Each English sentence hides one visible word behind <mask>. Counted is the share of translations with a word that
    begins with an accepted stem: with the right picture, a shuffled one and none. The interval of right minus shuffled
    is a paired bootstrap's, 95 %.

    JSON fields: language, rows, right, shuffled, none, gain (right minus shuffled), gain_95 (low, high); per cent.
    """
    from mmembed.evaluate.masked import evaluate_masked

    rows = read_masked(table)
    with PictureFolder(images) as folder, progress_bar() as progress:
        results = evaluate_masked(load(preset), rows, folder, languages or list(rows[0].stems), progress)
    if as_json:
        for result in results:
            print_json(result.as_dict())
        return
    lines = []
    for result in results:
        shares = [f"{share:.1f}" for share in (result.right, result.shuffled, result.none, result.gain)]
        lines.append((result.language, *shares, f"{result.gain_95[0]:.1f} to {result.gain_95[1]:.1f}", str(result.rows)))
    print_columns(("to", "right", "shuffled", "none", "gain", "95 % interval", "sentences"), lines)


@evaluate.command()
@click.option("--data", required=True, type=EXISTING, metavar="DIR", help="The data folder; its layout is described above.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.md", help="Put the tables into this file.")
@click.option("--config", type=EXISTING_FILE, metavar="FILE.yaml", help="What to measure. Default: the shipped configs/eval/readme.yaml.")
@click.option("--limit", type=click.IntRange(min=2), metavar="N", help="A quick look: only the first N of each set; the output says so.")
@preset_option
@json_option
def tables(data: Path, out: Path | None, config: Path | None, limit: int | None, preset: str, as_json: bool) -> None:
    """Regenerate all tables of the README.

    Retrieval, captions, translation and masked words in every language, then foils, negation, confidence and names, as
    Markdown. With --out, the text between the lines <!-- tables:start --> and <!-- tables:end --> of an existing file is
    replaced; a new file is made whole.

    \b
    The data folder holds, with the names that configs/eval/readme.yaml gives:
      flickr8k/images.zip       pictures, <id>.webp
      flickr8k/captions.tsv.xz  image, lang, source, caption
      flickr8k/splits.tsv       image, split
      multi30k/task1.tsv.xz     split, image, and one column a language
      multi30k/masked.tsv       image, masked_en, de_stems, fr_stems, cs_stems
      imagen200/images.zip      pictures
      imagen200/labels.tsv      image, label

    Needs `pip install pycocoevalcap`. With --json, one object a result goes to standard output.
    """
    from mmembed.evaluate.markdown import END, START, markdown, splice
    from mmembed.evaluate.report import TablesConfig, run_tables
    from mmembed.presets import config_folder, read_config

    settings = read_config(config or config_folder() / "eval" / "readme.yaml", TablesConfig)
    document = out.read_text(encoding="utf-8") if out and out.exists() else f"{START}\n{END}\n"
    splice(document, "")  # a file without markers is better noticed before the measuring than after
    with progress_bar() as progress:
        results = run_tables(load(preset), data, settings, limit, progress)
    content = markdown(results, settings)
    if out:
        out.write_text(splice(document, content), encoding="utf-8")
    if as_json:
        for name in ("retrieval", "captions", "translation", "masked", "foils", "negation", "confidence", "names"):
            for result in getattr(results, name):
                print_json({"table": name, "limit": limit, **result.as_dict()})
    elif not out:
        click.echo(content)


def _references(data: Given, languages: tuple[str, ...], sources: tuple[str, ...]) -> dict[str, dict[str, list[str]]]:
    rows, _ = data.read()
    grouped = by_language(select(rows, languages=languages, sources=sources))
    for language in languages:
        if language not in grouped:
            raise InvalidData(f"{data.name} has no captions in {language!r} for these pictures and sources.")
    return {language: by_picture(grouped[language]) for language in languages or grouped}


COMMANDS = (evaluate,)
