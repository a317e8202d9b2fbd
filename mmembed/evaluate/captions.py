"""How good are captions: CIDEr-D, BLEU-4 and ROUGE-L against references, beside what a nearest neighbour's caption gets."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

import numpy as np

from mmembed.errors import InvalidData, MissingPackage, UnknownLanguage, UnknownPair
from mmembed.evaluate.pictures import PictureFolder, Progress, batches, embed_pictures
from mmembed.generate.base import Caption
from mmembed.model import Model

_SEED, _RESAMPLES = 1, 2000

References = Mapping[str, Mapping[str, Sequence[str]]]
"""Language → picture → its captions."""


@dataclass(frozen=True)
class CaptionMetrics:
    """Scores of captions, all × 100 as in papers; CIDEr-D can exceed 100."""

    cider: float
    bleu4: float
    rouge_l: float


@dataclass(frozen=True)
class CaptionScores:
    """Captions in one language.

    Attributes:
        language: ISO 639-1 code.
        pictures: how many pictures were described.
        references: how many reference captions they have together.
        metrics: scores of the model's captions.
        nearest_neighbour: scores of the first caption of the most similar other picture, without any decoder.
        through_english: scores of the model's English captions, translated by the model; none if it cannot.
        ahead_95: bounds of the paired bootstrap 95 % interval of how far the model's captions are ahead of those, in CIDEr-D.
        baseline_pool: which pictures the nearest neighbour was looked for among.
        distinct: different captions per hundred pictures; low when a decoder says the same of everything.
        tokenizer: how captions and references were cut into words.
    """

    language: str
    pictures: int
    references: int
    metrics: CaptionMetrics
    nearest_neighbour: CaptionMetrics
    through_english: CaptionMetrics | None
    ahead_95: tuple[float, float] | None
    baseline_pool: str
    distinct: float
    tokenizer: str

    def as_dict(self) -> dict[str, Any]:
        content = asdict(self)
        metrics = content.pop("metrics")
        return {"language": content.pop("language"), **metrics, **content}


@dataclass(frozen=True)
class Pool:
    """Pictures with captions that the nearest-neighbour baseline may copy from; `name` says which, in words."""

    name: str
    folder: PictureFolder
    captions: References


def evaluate_captions(
    model: Model, folder: PictureFolder, references: References, pool: Pool | None = None, progress: Progress | None = None
) -> list[CaptionScores]:
    """Describe each picture that has references and score the captions, one result a language.

    Args:
        pool: where the baseline looks for neighbours; without one, among the other pictures of the evaluation.

    Raises:
        InvalidData: fewer than two pictures in a language, or a picture is missing.
        UnknownLanguage: the model does not write captions in one of the languages.
        MissingPackage: pycocoevalcap is not installed.
    """
    _scorers()  # before minutes of work, not after
    for language, captions in references.items():
        if len(captions) < 2:
            raise InvalidData(f"CIDEr needs at least two pictures with captions in {language!r}; there are {len(captions)}.")
    names = list(dict.fromkeys(name for captions in references.values() for name in captions))
    if not names:
        raise InvalidData("There is no caption to compare with; check the table, its split, languages and sources.")
    vectors = embed_pictures(model.space, folder, names, progress)
    row = {name: index for index, name in enumerate(names)}
    neighbours = _Neighbours(model, names, vectors, references, pool, progress)
    written: dict[str, dict[str, str]] = {"en": {}}  # language → picture → caption

    def describe(language: str, pictures: Sequence[str]) -> list[str]:
        known = written.setdefault(language, {})
        missing = [name for name in pictures if name not in known]
        for rows in batches(len(missing)):
            chosen = vectors[[row[name] for name in missing[rows]]]
            known.update(zip(missing[rows], _described(model, folder, missing[rows], chosen, language), strict=True))
            if progress:
                progress(rows.stop, len(missing), f"captions ({language})")
        return [known[name] for name in pictures]

    def describe_through_english(language: str, pictures: Sequence[str]) -> list[str]:
        """English captions, translated without another look at the pictures; none where the model does not go that way."""
        texts: list[str] = []
        try:
            english = describe("en", pictures) if language != "en" else []
            for rows in batches(len(english)):
                texts += [found.text for found in model.translate([text or "?" for text in english[rows]], language, "en")]
                if progress:
                    progress(rows.stop, len(english), f"English, then {language}")
        except (UnknownLanguage, UnknownPair):
            return []
        return texts

    results = []
    for language, captions in references.items():
        chosen = vectors[[row[name] for name in captions]]
        own = describe(language, list(captions))
        translated = describe_through_english(language, list(captions))
        truth = list(captions.values())
        results.append(
            CaptionScores(
                language,
                len(captions),
                sum(map(len, truth)),
                caption_metrics(own, truth, language),
                caption_metrics(neighbours.captions(language, list(captions), chosen), truth, language),
                caption_metrics(translated, truth, language) if translated else None,
                ahead(own, translated, truth, language) if translated else None,
                neighbours.pool.name if neighbours.pool else "leave-one-out: the other pictures of the evaluation",
                round(100 * len(set(own)) / len(own), 2),
                tokenizer_name(language),
            )
        )
    return results


def english_captions(model: Model, vectors: np.ndarray, progress: Progress | None = None) -> list[Caption]:
    """Captions of pictures whose vectors, float32 `[N, dim]`, are at hand, batch by batch."""
    found: list[Caption] = []
    for part in batches(len(vectors)):
        found += model.caption_vectors(vectors[part], ["en"])[0]
        if progress:
            progress(len(found), len(vectors), "captions")
    return found


def _described(model: Model, folder: PictureFolder, names: Sequence[str], vectors: np.ndarray, language: str) -> list[str]:
    """Captions as a user gets them: from the vectors that are at hand, or by a captioner from the pictures."""
    if model.reads_vectors:
        [found] = model.caption_vectors(vectors, [language])
    else:
        found = model.caption([folder.open(name, model.picture_size) for name in names], language)
    return [caption.text for caption in found]


class _Neighbours:
    """The nearest-neighbour baseline; pool pictures are embedded once for all languages."""

    def __init__(
        self, model: Model, names: list[str], vectors: np.ndarray, references: References, pool: Pool | None, progress: Progress | None
    ) -> None:
        self.pool = pool
        self._captions = pool.captions if pool else references
        if pool is not None:
            names = list(dict.fromkeys(name for language in references for name in pool.captions.get(language, ())))
            report: Progress | None = (lambda done, total, _: progress(done, total, "neighbours")) if progress else None
            vectors = embed_pictures(model.space, pool.folder, names, report)
        self._vectors = vectors
        self._row = {name: index for index, name in enumerate(names)}

    def captions(self, language: str, names: list[str], vectors: np.ndarray) -> list[str]:
        """The first caption of each picture's nearest neighbour; `vectors` is float32 `[len(names), dim]`."""
        candidates = list(self._captions.get(language, ()))
        if not candidates:
            raise InvalidData(f"The pictures to find neighbours among have no captions in {language!r}.")
        column = {name: index for index, name in enumerate(candidates)}
        candidate_vectors = self._vectors[[self._row[name] for name in candidates]]
        copied = []
        for rows in batches(len(names), 512):
            similarities = vectors[rows] @ candidate_vectors.T
            if self.pool is None:
                similarities[np.arange(len(similarities)), [column[name] for name in names[rows]]] = -np.inf
            copied += [self._captions[language][candidates[best]][0] for best in similarities.argmax(1)]
        return copied


def caption_metrics(hypotheses: Sequence[str], references: Sequence[Sequence[str]], language: str) -> CaptionMetrics:
    """CIDEr-D, corpus BLEU-4 and mean ROUGE-L (beta 1.2) by pycocoevalcap, the implementation that papers report.

    Its three scorers are Python only; Java is needed by its tokenizer, METEOR and SPICE, none of which is used here.
    Document frequencies for CIDEr-D come from `references`.

    Args:
        hypotheses: N captions.
        references: the reference captions of each, at least one.

    Raises:
        InvalidData: fewer than two captions, for which CIDEr's document frequencies mean nothing.
        MissingPackage: pycocoevalcap is not installed.
    """
    cider, bleu, rouge = _scorers()
    if len(hypotheses) < 2:
        raise InvalidData(f"CIDEr needs at least two pictures; there are {len(hypotheses)}.")
    given = {index: [text] for index, text in enumerate(tokenise(hypotheses, language))}
    wanted = {index: tokenise(texts, language) for index, texts in enumerate(references)}
    scores = (
        cider().compute_score(wanted, given)[0],
        bleu(4).compute_score(wanted, given, verbose=0)[0][3],
        rouge().compute_score(wanted, given)[0],
    )
    return CaptionMetrics(*(round(100 * float(score), 2) for score in scores))


def ahead(captions: Sequence[str], others: Sequence[str], references: Sequence[Sequence[str]], language: str) -> tuple[float, float]:
    """Paired bootstrap 95 % interval, over the pictures, of how much more CIDEr-D (× 100) `captions` have than `others`.

    Raises:
        MissingPackage: pycocoevalcap is not installed.
    """
    cider = _scorers()[0]
    wanted = dict(enumerate(tokenise(texts, language) for texts in references))
    each = [
        np.asarray(cider().compute_score(wanted, {index: [text] for index, text in enumerate(tokenise(texts, language))})[1])
        for texts in (captions, others)
    ]
    difference, random = each[0] - each[1], np.random.default_rng(_SEED)
    means = [difference[random.integers(len(difference), size=len(difference))].mean() for _ in range(_RESAMPLES)]
    low, high = np.percentile(100 * np.array(means), [2.5, 97.5])
    return round(float(low), 2), round(float(high), 2)


def tokenise(texts: Sequence[str], language: str) -> list[str]:
    """Words with single spaces between them: lower-cased, cut by sacreBLEU's tokenizer, punctuation removed.

    The reference evaluation uses Stanford's PTB tokenizer, which needs Java and knows English only. sacreBLEU's 13a cuts
    English captions the same way but for clitics ("man's" stays one word), and does so in every language that writes
    spaces. It leaves punctuation outside ASCII attached, so that is stripped from the ends of words. Chinese has no
    spaces: there, as usual, each character is a word (sacreBLEU's zh).
    """
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
    from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh

    cut = TokenizerZh() if language == "zh" else Tokenizer13a()
    return [" ".join(filter(None, map(_bare, cut(text.lower()).split()))) for text in texts]


def tokenizer_name(language: str) -> str:
    """The `tokenizer` field of the results: what `tokenise` does, and which version of sacreBLEU did it."""
    import sacrebleu

    kind = "zh, characters" if language == "zh" else "13a"
    return f"sacreBLEU {sacrebleu.__version__} {kind}, lower-cased, punctuation removed"


def _bare(word: str) -> str:
    start, stop = 0, len(word)
    while start < stop and unicodedata.category(word[start]).startswith("P"):
        start += 1
    while stop > start and unicodedata.category(word[stop - 1]).startswith("P"):
        stop -= 1
    return word[start:stop]


def _scorers() -> tuple[Any, Any, Any]:
    try:
        modules = [import_module(f"pycocoevalcap.{name}.{name}") for name in ("cider", "bleu", "rouge")]
    except ImportError as error:
        raise MissingPackage("pycocoevalcap", "eval", "Scoring captions") from error
    return modules[0].Cider, modules[1].Bleu, modules[2].Rouge
