"""The nouns of WordNet: what things are called, what they are, and what kinds of things those are.

WordNet 3.0 (Fellbaum 1998, https://wordnet.princeton.edu) is a download of its own; Debian has it as `wordnet-base`.
Its files are described in `man 5 wndb`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from mmembed.errors import InvalidData

VISIBLE = {5: "animal", 6: "artifact", 8: "body", 13: "food", 17: "object", 20: "plant"}
"""Those of WordNet's lexicographer files, by number, whose nouns name things that photographs show."""


@dataclass(frozen=True)
class Noun:
    """A synset.

    Attributes:
        synset: such as `n02084071`, as ImageNet names its classes.
        names: lemmas that people are likely to mean this by; none for what is not visible.
        gloss: the definition, without examples.
        kind: number of its lexicographer file; see `VISIBLE`.
        ancestors: synset → how many steps up, itself (0) included.
    """

    synset: str
    names: tuple[str, ...]
    gloss: str
    kind: int
    ancestors: dict[str, int]


def read_nouns(folder: Path) -> dict[str, Noun]:
    """Synset → noun, from the files `data.noun` and `index.noun`.

    Raises:
        InvalidData: a file is missing.
    """
    try:
        data = (folder / "data.noun").read_text(encoding="utf-8").splitlines()
        index = (folder / "index.noun").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InvalidData(f"{folder} does not have WordNet's files data.noun and index.noun.") from error
    fields = {}
    for line in data:
        if not line.startswith("  "):
            head, _, gloss = line.partition(" | ")
            fields["n" + line[:8]] = (head.split(), gloss)
    kinds = {synset: int(head[1]) for synset, (head, _) in fields.items()}
    parents = {synset: _parents(head) for synset, (head, _) in fields.items()}
    names = _names(index, kinds)
    return {
        synset: Noun(synset, tuple(names[synset]), _definition(gloss), kinds[synset], _ancestors(synset, parents))
        for synset, (_, gloss) in fields.items()
    }


def _parents(head: list[str]) -> list[str]:
    """Synsets that the pointers `@` (hypernym) and `@i` (instance) of a line of data.noun lead to."""
    pointers = 5 + 2 * int(head[3], 16)
    return ["n" + head[i + 1] for i in range(pointers, len(head) - 1, 4) if head[i] in ("@", "@i")]


def _definition(gloss: str) -> str:
    return "; ".join(part.strip() for part in gloss.split(";") if not part.strip().startswith('"'))


def _names(index: list[str], kinds: dict[str, int]) -> dict[str, list[str]]:
    """Synset → the lemmas of which it is the most frequent sense of its visible kind, and one of the first four senses."""
    names = defaultdict(list)
    for line in index:
        if not line.startswith("  "):
            head = line.split()
            taken = set()
            for offset in head[-int(head[2]) :][:4]:
                synset = "n" + offset
                if kinds[synset] in VISIBLE and kinds[synset] not in taken:
                    taken.add(kinds[synset])
                    names[synset].append(head[0].replace("_", " "))
    return names


def _ancestors(synset: str, parents: dict[str, list[str]]) -> dict[str, int]:
    steps, layer, depth = {synset: 0}, [synset], 0
    while layer:
        depth += 1
        layer = [parent for child in layer for parent in parents[child] if parent not in steps]
        steps |= dict.fromkeys(layer, depth)
    return steps
