"""Results → the tables of the README, and where in a document they go."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmembed.errors import InvalidData
from mmembed.evaluate.captions import CaptionScores
from mmembed.evaluate.confidence import ConfidenceScores
from mmembed.evaluate.foils import FoilScores
from mmembed.evaluate.masked import MaskedScores
from mmembed.evaluate.names import NameScores
from mmembed.evaluate.negation import HITS, NegationScores
from mmembed.evaluate.report import CaptionChoice, Tables, TablesConfig
from mmembed.evaluate.retrieval import RetrievalScores
from mmembed.evaluate.translations import CONDITIONS, TranslationScores
from mmembed.gallery.items import GOOD_MATCH

START, END = "<!-- tables:start -->", "<!-- tables:end -->"


def markdown(tables: Tables, config: TablesConfig) -> str:
    """All tables, with the footnotes that say what each figure was measured on."""
    parts = [f"Measured with `{tables.preset}` (space `{tables.identity}`) by `mmembed eval tables`."]
    if tables.limit is not None:
        parts.append(f"**A quick look, not a measurement:** only the first {tables.limit} pictures and sentences of each set were used.")
    if tables.retrieval:
        parts += ["### Retrieval", _retrieval(tables.retrieval, config)]
    if tables.captions:
        parts += ["### Captions", _captions(tables.captions, config)]
    if tables.translation:
        parts += ["### Translation", _translation(tables.translation, config)]
    if tables.masked:
        parts += ["### Does the picture matter?", _masked(tables.masked)]
    if tables.names:
        parts += ["### Beyond Flickr", _names(tables.names)]
    if tables.negation:
        parts += ["### Without what is not wanted", _negation(tables.negation)]
    if tables.foils:
        parts += ["### A wrong word", _foils(tables.foils)]
    if tables.confidence:
        parts += ["### What a confidence means", _confidence(tables.confidence)]
    return "\n\n".join([*parts, f"\\* {config.footnote}"])


def splice(document: str, content: str) -> str:
    """The document with everything between its two markers replaced.

    Raises:
        InvalidData: the document does not have each marker once, in order.
    """
    if document.count(START) != 1 or document.count(END) != 1 or document.index(START) > document.index(END):
        raise InvalidData(f"The file needs one line {START} and, after it, one line {END}, between which the tables go.")
    return re.sub(f"{START}.*{END}", lambda _: f"{START}\n\n{content}\n\n{END}", document, flags=re.DOTALL)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; the first column is aligned left, the others right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _retrieval(results: Sequence[RetrievalScores], config: TablesConfig) -> str:
    rows = []
    for result in results:
        there, back = result.text_to_image, result.image_to_text
        recalls = [f"{recall.at[k]:.1f}" for recall in (there, back) for k in (1, 5, 10)]
        counts = [result.captions, result.captioned, result.pictures]
        rows.append([result.language, *recalls[:3], f"{there.median_rank:g}", *recalls[3:], f"{back.median_rank:g}", *counts])
    header = [
        "\\*",
        *("text→image R@1", "R@5", "R@10", "median rank"),
        *("image→text R@1", "R@5", "R@10", "median rank"),
        *("captions", "pictures with one", "pictures searched"),
    ]
    note = (
        f"Split {config.split}; every language searches among the same pictures. Image→text counts the best of a picture's captions. "
        f"Captions: {_sources(config.retrieval)}."
    )
    return f"{table(header, rows)}\n\n{note}"


def _captions(results: Sequence[CaptionScores], config: TablesConfig) -> str:
    rows = []
    for result in results:
        own, copied = result.metrics, result.nearest_neighbour
        scores = [f"{value:.1f}" for value in (own.cider, own.bleu4, own.rouge_l, copied.cider, copied.bleu4, copied.rouge_l)]
        pivot = f"{result.through_english.cider:.1f}" if result.through_english else "–"
        lead = "{:+.1f} to {:+.1f}".format(*result.ahead_95) if result.ahead_95 else "–"
        rows.append([result.language, *scores, pivot, lead, f"{result.references / result.pictures:g}", result.pictures])
    header = [
        "\\*",
        "CIDEr-D",
        "BLEU-4",
        "ROUGE-L",
        "copying: CIDEr-D",
        "BLEU-4",
        "ROUGE-L",
        "English, translated: CIDEr-D",
        "ahead of it, 95 %",
        "references a picture",
        "pictures",
    ]
    tokenizers = "; ".join(
        f"{', '.join(result.language for result in results if result.tokenizer == name)}: {name}"
        for name in dict.fromkeys(result.tokenizer for result in results)
    )
    note = (
        f"“Copying” is the baseline without a decoder: the first caption of the most similar picture ({results[0].baseline_pool}). "
        "“English, translated” are the model's English captions, translated by the model; how far its own are ahead of those is by paired "
        "bootstrap. "
        f"References: {_sources(config.references)}. Words: {tokenizers}. Scores depend on the number of references: compare down "
        f"a column only between languages that have as many."
    )
    return f"{table(header, rows)}\n\n{note}"


def _translation(results: Sequence[TranslationScores], config: TablesConfig) -> str:
    rows = []
    for result in results:
        pictured = [f"{result.pictured[name].bleu:.1f}" if name in result.pictured else "–" for name in CONDITIONS]
        count = next((metrics.rows for metrics in result.pictured.values()), 0)
        direction = f"{result.source}→{result.language}"
        rows.append([direction, f"{result.metrics.bleu:.1f}", f"{result.metrics.chrf:.1f}", result.metrics.rows, *pictured, count])
    header = ["", "BLEU", "chrF2", "sentences", "BLEU\\*, right picture", "shuffled", "none", "sentences with picture"]
    signatures = "; ".join(f"`{signature}`" for signature in dict.fromkeys(result.signature for result in results))
    note = (
        f"Multi30k {config.parallel_split}; sentences whose photograph is at hand are translated with it. The columns marked \\* are "
        f"over those alone: with the right picture, another sentence's, and none. {signatures}."
    )
    return f"{table(header, rows)}\n\n{note}"


def _masked(results: Sequence[MaskedScores]) -> str:
    rows = []
    for result in results:
        shares = [f"{value:.1f}" for value in (result.right, result.shuffled, result.none, result.gain)]
        low, high = result.gain_95
        rows.append([f"en→{result.language}", *shares, f"{low:.1f} to {high:.1f}", result.rows])
    note = (
        "One visible word of each English sentence is masked; per cent of the translations that contain an accepted translation of it. "
        "The interval is of right minus shuffled, by paired bootstrap."
    )
    header = ["\\*", "right picture", "shuffled", "none", "right − shuffled", "95 % interval", "sentences"]
    return f"{table(header, rows)}\n\n{note}"


def _names(results: Sequence[NameScores]) -> str:
    rows = [
        [way, f"{first:.1f}", f"{five:.1f}", result.names, result.pictures]
        for result in results
        for way, first, five in (
            ("as searches know them", result.sight1, result.sight5),
            ("without their own kinds", result.unseen1, result.unseen5),
            ("as texts", result.top1, result.top5),
        )
    ]
    found = " ".join(f"Of these names, {result.found:.1f} % find a right photograph first when searched for." for result in results)
    note = (
        "`imagen200`, ImageNet photographs at their own shape: per cent whose right name ranks first, or among the first five, of all. "
        "Searches go by the text, its words and what is known by sight, and are compared in units of their spread over the background; "
        "without their own kinds, nothing is known by sight that has one of the names in its own name, so that what it looks like is told "
        f"by other kinds. {found}"
    )
    return f"{table(['names', 'top 1', 'top 5', 'names to choose from', 'photographs'], rows)}\n\n{note}"


def _negation(results: Sequence[NegationScores]) -> str:
    rows = [[f"`{result.way}`", f"{result.unwanted:.1f}", f"{result.right:.1f}", result.queries, result.pictures] for result in results]
    note = (
        f"Per cent of the first {HITS} hits that show the unwanted thing (less is better), and that show the wanted thing without it. "
        "Every pair of common words that captions make a fair query; a picture shows what any of its captions names."
    )
    header = ["asked as\\*", "unwanted", "right", "queries", "pictures"]
    return f"{table(header, rows)}\n\n{note}"


def _foils(results: Sequence[FoilScores]) -> str:
    rows = [
        [result.kind, f"{result.pairwise:.1f}", f"{result.auroc_similarity:.3f}", f"{result.auroc_confidence:.3f}", result.foils]
        for result in results
    ]
    note = (
        "One word of a caption is swapped for another of its kind that is not in the picture. Per cent of the captions that are nearer "
        "to their picture than their own foil is (chance: 50), and area under the ROC curve of all captions against all foils."
    )
    header = ["swapped\\*", "nearer than its foil", "AUROC, similarity", "AUROC, confidence", "foils"]
    return f"{table(header, rows)}\n\n{note}"


def _confidence(results: Sequence[ConfidenceScores]) -> str:
    rows = []
    for result in results:
        shares = [f"{share:.1f}" for share in (result.error, result.first, result.found, result.refused)]
        rows.append([result.queries, result.size, f"{result.auroc:.3f}", *shares, result.searches])
    note = (
        "Searches for a caption's own picture and for what a single word names; half of the galleries have it, half do not. Left out of "
        "them are other pictures that show all that the caption names, and those whose captions leave open whether they show what the "
        "word names. AUROC tells the two halves apart by the confidence of the best hit; ECE is the expected calibration error of that "
        "confidence, in per cent. Of the galleries that have it: per cent whose best hit is right, and reaches the "
        f"{100 * GOOD_MATCH:.0f} % of a good match. Of those that do not have it: per cent where no hit is called a good match."
    )
    header = ["queries\\*", "gallery", "AUROC", "ECE", "best hit right", "good match", "no good match", "searches"]
    return f"{table(header, rows)}\n\n{note}"


def _sources(choices: dict[str, CaptionChoice]) -> str:
    return ", ".join(
        f"{code} {choice.source}" + (f" (the first {choice.first} of each picture)" if choice.first else "")
        for code, choice in choices.items()
    )
