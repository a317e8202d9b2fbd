"""Counts the words of training captions into a bundle, and prints how well they tell languages apart: per cent of captions, cut to
their first words, whose language is right, and of which it is wrong without a doubt.

    python -m scripts.count_words multi30k/task1.tsv.xz multi30k/task2.tsv.xz --bundle mmembed/weights/mini

The tables are those of Multi30k: `split`, and either a column a language, or `lang` and `caption`. Rows of the split `train` are
counted, rows of `val` in all languages are what is recognised.
"""

from __future__ import annotations

import argparse
import csv
import lzma
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from mmembed.generate.words import Words

LANGUAGES = ("en", "de", "fr", "cs")
LENGTHS = (1, 2, 3, 5, 100)
SAMPLE = 400


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a tab-separated table, which may be packed with xz."""
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def main() -> None:
    """Parse, count, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--bundle", required=True, type=Path)
    arguments = parser.parse_args()
    training: dict[str, list[str]] = defaultdict(list)
    held_out: dict[str, list[str]] = defaultdict(list)
    for table in arguments.tables:
        for row in rows(table):
            texts = {language: row[language] for language in LANGUAGES if language in row} or {row["lang"]: row["caption"]}
            for language, text in texts.items():
                if row["split"] == "train":
                    training[language].append(text)
                elif row["split"] == "val" and len(texts) > 1:
                    held_out[language].append(text)
    words = Words.counted(training, held_out)
    words.write(arguments.bundle)
    print(f"{'words':<10}" + "  ".join(f"{language:>5}" for language in LANGUAGES))
    print(f"{'known':<10}" + "  ".join(f"{len(words.counts[language]):5}" for language in LANGUAGES))
    chosen = random.Random(0).sample(range(len(held_out["en"])), SAMPLE)
    for length in LENGTHS:
        right, misled = [], []
        for language in LANGUAGES:
            found = [words.recognise(" ".join(held_out[language][row].split()[:length])) for row in chosen]
            right.append(100 * sum(one.language == language for one in found) / SAMPLE)
            misled.append(100 * sum(language not in one.possible and one.language is not None for one in found) / SAMPLE)
        print(f"{f'first {length}':<10}" + "  ".join(f"{share:5.1f}" for share in right))
        print(f"{'  misled':<10}" + "  ".join(f"{share:5.1f}" for share in misled))


if __name__ == "__main__":
    main()
