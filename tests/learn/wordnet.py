"""A WordNet of nine nouns, in its own format (`man 5 wndb`)."""

from __future__ import annotations

from pathlib import Path

_DATA = """  1 A licence stands in lines that begin with two spaces.
00000001 03 n 01 entity 0 000 | that which is
00000002 05 n 01 animal 0 001 @ 00000001 n 0000 | a living thing that moves
00000003 05 n 02 dog 0 domestic_dog 0 001 @ 00000002 n 0000 | an animal that barks; "the dog barked all night"
00000004 06 n 01 artifact 0 002 @ 00000001 n 0000 ~ 00000006 n 0000 | a thing that people make
00000005 05 n 02 seal 0 fur_seal 0 001 @ 00000002 n 0000 | an animal that swims; it has fins; "seals clap"
00000006 06 n 01 seal 0 001 @ 00000004 n 0000 | a thing that people make to close letters
00000007 10 n 01 seal 1 001 @ 00000001 n 0000 | approval
00000008 05 n 01 seal 2 001 @ 00000002 n 0000 | another animal
00000009 06 n 01 hammer 0 001 @ 00000004 n 0000 | a thing that people make to drive nails
"""
_INDEX = """  1 A licence stands in lines that begin with two spaces.
animal n 1 1 @ 1 1 00000002
artifact n 1 1 @ 1 0 00000004
dog n 1 1 @ 1 1 00000003
domestic_dog n 1 1 @ 1 0 00000003
entity n 1 0 1 1 00000001
fur_seal n 1 1 @ 1 0 00000005
hammer n 1 1 @ 1 1 00000009
seal n 4 1 @ 4 2 00000007 00000006 00000005 00000008
"""


def write_wordnet(folder: Path) -> None:
    (folder / "data.noun").write_text(_DATA, encoding="utf-8")
    (folder / "index.noun").write_text(_INDEX, encoding="utf-8")
