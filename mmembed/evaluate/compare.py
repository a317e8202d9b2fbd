"""One evaluation over several presets: recall, CIDEr, BLEU, speed, memory, size and licence of each, side by side."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mmembed.errors import MmembedError
from mmembed.evaluate.captions import caption_metrics
from mmembed.evaluate.markdown import table
from mmembed.evaluate.pictures import PictureFolder, batches, remembering
from mmembed.evaluate.retrieval import evaluate_retrieval
from mmembed.evaluate.tables import by_language, by_picture, read_captions, read_lines, read_split, select
from mmembed.evaluate.translations import evaluate_translations
from mmembed.languages import find
from mmembed.model import Model

_TIMED = 64  # pictures; enough for a rate, and quick on a slow machine


@dataclass(frozen=True)
class Comparison:
    """What every preset is measured on; paths, so that it can be sent to another process.

    Attributes:
        images: folder or zip file of the pictures.
        captions: table with the columns image, lang, caption.
        splits: table with the columns image, split, or None.
        split: the split of it to use, or None.
        sources: only captions of these sources; all if empty.
        languages: of these languages; all of the table if empty.
        describe: languages whose captions the presets also write and are scored for.
        source: file of sentences to translate, or None.
        references: file of their translations.
        source_language: code of the sentences.
        to: code of the translations.
        limit: at most this many pictures and sentences.
    """

    images: Path
    captions: Path
    splits: Path | None = None
    split: str | None = None
    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    describe: tuple[str, ...] = ()
    source: Path | None = None
    references: Path | None = None
    source_language: str = "en"
    to: str = "de"
    limit: int | None = None


@dataclass(frozen=True)
class Compared:
    """What was measured of one preset.

    Attributes:
        preset: its name.
        space: identity of its space.
        recall: language → text→image R@1 and R@10, per cent.
        cider: language → CIDEr-D of its captions × 100.
        bleu: `en-de` → sacreBLEU of its translations.
        pictures_a_second: embedded, decoding not counted, on `device`.
        device: where it ran, with the precision.
        peak_memory_mb: greatest resident memory of its process, everything included.
        size_mb: download size by the preset.
        licence: terms by the preset.
        problem: why nothing or not everything was measured; empty if all was.
    """

    preset: str
    space: str = ""
    recall: dict[str, tuple[float, float]] = field(default_factory=dict)
    cider: dict[str, float] = field(default_factory=dict)
    bleu: dict[str, float] = field(default_factory=dict)
    pictures_a_second: float = 0.0
    device: str = ""
    peak_memory_mb: float = 0.0
    size_mb: float = 0.0
    licence: str = ""
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def compare(names: Sequence[str], what: Comparison, started: Callable[[str], None] = lambda name: None) -> list[Compared]:
    """Measure each preset in a process of its own, so that memory is its own; one that fails is a row with the reason."""
    results = []
    for name in names:
        started(name)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            results.append(alone.submit(measure, name, what).result())
    return results


def measure(name: str, what: Comparison) -> Compared:
    """Load and measure one preset in this process."""
    from mmembed.presets import load

    try:
        model = load(name)
        return _measure(name, model, what)
    except MmembedError as error:
        return Compared(name, problem=" ".join(str(error).split()))


def _measure(name: str, model: Model, what: Comparison) -> Compared:
    rows = read_captions(what.captions)
    gallery = read_split(what.splits, what.split) if what.splits and what.split else list(dict.fromkeys(row.image for row in rows))
    gallery = gallery[: what.limit]
    rows = select(rows, gallery, what.languages, what.sources)
    known = remembering(model)
    problems: list[str] = []
    with PictureFolder(what.images) as folder:
        rate = _rate(model, folder, gallery[:_TIMED])
        recall = {
            result.language: (result.text_to_image.at[1], result.text_to_image.at[10])
            for result in evaluate_retrieval(known, folder, rows, gallery)
        }
        cider: dict[str, float] = {}
        for language in what.describe:
            if find(language, model.decoder.caption_languages) is None:
                problems.append(f"writes no captions in {language}")
            else:
                cider[language] = _cider(model, folder, by_picture(by_language(rows).get(language, [])), language)
    bleu: dict[str, float] = {}
    if what.source and what.references:
        sentences, truths = read_lines(what.source)[: what.limit], read_lines(what.references)[: what.limit]
        try:
            score = evaluate_translations(model, sentences, [truths], what.source_language, what.to)
            bleu[f"{what.source_language}-{what.to}"] = score.metrics.bleu
        except MmembedError as error:
            problems.append(str(error))
    running = getattr(model.space, "where", None)
    device = f"{running.device}, {running.precision}" if running else "cpu"
    return Compared(
        name, model.space.identity, recall, cider, bleu, round(rate, 1), device, _peak_memory(), model.preset.size_mb,
        model.preset.licence, "; ".join(problems),
    )  # fmt: skip


def _rate(model: Model, folder: PictureFolder, names: Sequence[str]) -> float:
    """Pictures a second; the first few are not counted, because they load the model."""
    pictures = [folder.open(name, model.space.picture_size) for name in names]
    model.space.embed_pictures(pictures[:2])
    started = time.perf_counter()
    model.space.embed_pictures(pictures)
    return len(pictures) / max(time.perf_counter() - started, 1e-9)


def _cider(model: Model, folder: PictureFolder, references: dict[str, list[str]], language: str) -> float:
    names, written = list(references), []
    for part in batches(len(names), 16):
        pictures = [folder.open(name, model.picture_size) for name in names[part]]
        written += [caption.text for caption in model.caption(pictures, language)]
    return caption_metrics(written, list(references.values()), language).cider


def _peak_memory() -> float:
    """Megabytes; 0 where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return 0.0
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def header_and_rows(results: Sequence[Compared]) -> tuple[list[str], list[list[str]]]:
    """The results as a table: a column for each language and pair that any of them has."""
    languages = list(dict.fromkeys(code for result in results for code in result.recall))
    described = list(dict.fromkeys(code for result in results for code in result.cider))
    pairs = list(dict.fromkeys(pair for result in results for pair in result.bleu))
    header = [
        "preset", *(f"R@1 {code}" for code in languages), *(f"R@10 {code}" for code in languages),
        *(f"CIDEr-D {code}" for code in described), *(f"BLEU {pair}" for pair in pairs), "pictures/s", "on", "peak MB", "download MB",
        "licence",
    ]  # fmt: skip
    rows = []
    for result in results:
        recalls = [f"{result.recall[code][at]:.1f}" if code in result.recall else "–" for at in (0, 1) for code in languages]
        scores = [f"{result.cider[code]:.1f}" if code in result.cider else "–" for code in described]
        scores += [f"{result.bleu[pair]:.1f}" if pair in result.bleu else "–" for pair in pairs]
        measured = bool(result.space)
        facts = [f"{result.pictures_a_second:.1f}", result.device, f"{result.peak_memory_mb:.0f}"] if measured else ["–", "–", "–"]
        rows.append([result.preset, *recalls, *scores, *facts, f"{result.size_mb:g}" if measured else "–", result.licence or "–"])
    return header, rows


def markdown(results: Sequence[Compared], what: Comparison) -> str:
    """The table, and below it what could not be measured and on how much."""
    header, rows = header_and_rows(results)
    notes = [f"{result.preset}: {result.problem}." for result in results if result.problem]
    if what.limit is not None:
        notes.insert(0, f"A quick look, not a measurement: only the first {what.limit} pictures and sentences were used.")
    return "\n\n".join([table(header, rows), *notes])
