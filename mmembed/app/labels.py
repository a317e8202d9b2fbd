"""configs/app/*.yaml → the words, languages and limits of the app, checked when they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mmembed.generate.notes import NoteWords
from mmembed.presets import config_folder, read_config


@dataclass(frozen=True)
class SearchLabels:
    """Words of the Search tab."""

    tab: str
    text: str
    text_hint: str
    button: str
    options: str
    like: str
    without: str
    without_hint: str
    without_note: str
    count: str
    likely_only: str
    fold: str
    filters: str
    in_folder: str
    everywhere: str
    since: str
    until: str
    day_hint: str
    no_day: str
    orientation: str
    any_orientation: str
    landscape: str
    portrait: str
    square: str
    caption_words: str
    caption_words_hint: str
    results: str
    more: str
    start: str
    no_question: str
    likely_one: str
    likely: str
    likely_or_more: str
    others: str
    filtered: str
    no_pass: str
    no_pass_hint: str
    no_match: str
    no_match_hint: str
    no_match_only: str
    unsure: str
    unsure_hint: str
    empty: str
    empty_hint: str
    caption_format: str
    alike_format: str
    chosen: str
    caption_this: str
    more_like_this: str
    translate_with: str
    file: str
    folder: str
    size: str
    taken: str
    similarity: str
    confidence: str
    captions: str
    alike: str
    unknown: str
    gone: str
    choose_first: str
    marked: str
    mark: str
    right: str
    wrong: str
    unmarked: str
    full: str
    close: str


@dataclass(frozen=True)
class SelectionLabels:
    """Words of the selection among the results."""

    several: str
    everything: str
    clear: str
    hint: str
    chosen: str
    elsewhere: str
    caption: str
    stop: str
    paths: str
    table: str
    originals: str
    sheet: str
    download: str
    missing: str
    nothing: str
    too_large: str
    captions: str
    captioned: str
    stopped: str
    failed: str
    unreadable: str


@dataclass(frozen=True)
class IndexLabels:
    """Words of the control that indexes a folder."""

    title: str
    title_loading: str
    folder: str
    folder_hint: str
    button: str
    note: str
    temporary: str
    closed: str
    working: str
    samples: str
    stop: str
    stopped: str
    done: str
    skipped: str
    empty_path: str
    no_folder: str
    elsewhere: str


@dataclass(frozen=True)
class CaptionLabels:
    """Words of the Caption tab."""

    tab: str
    picture: str
    language: str
    options: str
    also: str
    also_note: str
    shortest: str
    longest: str
    words_note: str
    shortest_longest: str
    button: str
    result: str
    translate: str
    search: str
    doubtful: str
    doubtful_hint: str
    unfamiliar_hint: str
    plain_hint: str
    looks_like: str
    confidence: str
    no_picture: str
    no_caption: str
    start: str

    def guesses(self, names: Sequence[str]) -> str:
        """The sentence about what a photo may show; empty without a guess."""
        return self.looks_like.format(names=", ".join(names)) if names else ""


@dataclass(frozen=True)
class TranslateLabels:
    """Words of the Translate tab."""

    tab: str
    text: str
    text_hint: str
    source: str
    auto: str
    to: str
    picture: str
    options: str
    button: str
    result: str
    result_grounded: str
    result_plain: str
    score: str
    recognised: str
    via: str
    note: str
    notes: NoteWords
    not_looked: str
    same: str
    same_language: str
    no_text: str
    example: str
    example_with_picture: str


@dataclass(frozen=True)
class ModelsLabels:
    """Words of the Models tab."""

    tab: str
    how: str
    how_joined: str
    how_terms: str
    show: str
    everything: str
    space: str
    captioner: str
    translator: str
    used: str
    ready: str
    download: str
    more: str
    searches: str
    captions: str
    translates: str
    all_languages: str
    pairs: str
    weights: str
    size: str
    parameters: str
    measured: str
    never_run: str
    published: str
    nothing_published: str
    use: str
    nothing: str


@dataclass(frozen=True)
class Labels:
    """Every word the app shows, in one language."""

    language: str
    decimal: str
    thousands: str
    title: str
    tagline: str
    loading: str
    ready: str
    not_ready: str
    no_photos: str
    one_photo: str
    photos: str
    licence: str
    notice: str
    error: str
    failed: str
    too_long: str
    too_many_pixels: str
    unreadable: str
    similarity: str
    similarity_text: str
    written_by: str
    alternatives: str
    alternatives_count: str
    picture: str
    examples: str
    search: SearchLabels
    selection: SelectionLabels
    index: IndexLabels
    caption: CaptionLabels
    translate: TranslateLabels
    models: ModelsLabels

    def number(self, value: float, digits: int = 0) -> str:
        """A number as it is written in the language."""
        return f"{value:,.{digits}f}".translate({ord(","): self.thousands, ord("."): self.decimal, ord("-"): "−"})

    def bytes(self, size: int) -> str:
        """A file's size, in kB or MB."""
        return f"{self.number(size / 1e6, 1)} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"

    def terms(self, english: str) -> str:
        """What presets say of their terms, in the language as far as it is known; names of licences stay."""
        known = _read_terms().terms.get(self.language, {})
        for sentence in sorted(known, key=len, reverse=True):
            english = english.replace(sentence, known[sentence])
        return english

    def count_photos(self, count: int) -> str:
        """How many photos, in words that agree with the number."""
        if count == 0:
            return self.no_photos
        return self.one_photo if count == 1 else self.photos.format(count=self.number(count))


@dataclass(frozen=True)
class Terms:
    """`configs/app/terms.yaml`: language → what presets say in English → the same in that language."""

    terms: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Language:
    """What a language calls itself, and whether it is written from right to left."""

    name: str
    right_to_left: bool = False


@dataclass(frozen=True)
class Languages:
    """Languages by ISO 639-1 code."""

    languages: dict[str, Language]

    def name(self, code: str) -> str:
        """The language's own name, or its code if the configuration does not know it."""
        return self.languages[code].name if code in self.languages else code

    def right_to_left(self, code: str) -> bool:
        return code in self.languages and self.languages[code].right_to_left

    def choices(self, codes: tuple[str, ...]) -> list[tuple[str, str]]:
        """(name, code) pairs in the order given, as Gradio's dropdowns want them."""
        return [(self.name(code), code) for code in codes]


@dataclass(frozen=True)
class ExampleTranslation:
    """A sentence to try: `photo` is the file name of a sample photo to look at, or None."""

    text: str
    source: str
    to: str
    photo: str | None


@dataclass(frozen=True)
class Settings:
    """Limits and thresholds; `configs/app/settings.yaml` says what each is."""

    results: int
    most_results: int
    most_shown: int
    alternatives: int
    most_alternatives: int
    most_words: int
    text_characters: int
    upload_megabytes: int
    upload_megapixels: int
    thumbnail_pixels: int
    preview_pixels: int
    full_pixels: int
    export_megabytes: int
    cache_check_seconds: int
    cache_keep_seconds: int
    cache_megabytes: int
    captions: tuple[str, ...]
    searches: tuple[str, ...]
    translations: tuple[ExampleTranslation, ...]


def _folder() -> Path:
    return config_folder() / "app"


def label_languages() -> tuple[str, ...]:
    """Codes of the languages the app can be shown in."""
    return tuple(sorted(file.stem for file in _folder().glob("??.yaml")))


@cache
def read_labels(language: str = "en") -> Labels:
    """The words of the app. Raises InvalidConfig if the language has no complete file."""
    labels: Labels = read_config(_folder() / f"{language}.yaml", Labels)
    return labels


@cache
def _read_terms() -> Terms:
    terms: Terms = read_config(config_folder() / "app" / "terms.yaml", Terms)
    return terms


@cache
def read_languages() -> Languages:
    """What every known language calls itself."""
    languages: Languages = read_config(_folder() / "languages.yaml", Languages)
    return languages


@cache
def read_settings() -> Settings:
    """The app's limits and thresholds."""
    settings: Settings = read_config(_folder() / "settings.yaml", Settings)
    return settings
