"""The generated pages are up to date, and the examples print what the docs say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click
import pytest

from scripts import write_docs
from scripts.docs import examples
from scripts.docs.commands import page
from tests.bundled import needs_weights

ROOT = Path(__file__).parent.parent.parent
RENEW = "renew with: python -m scripts.write_docs"


@pytest.mark.parametrize("part", ["commands", "python"])
def test_the_page_is_up_to_date(part: str) -> None:
    if part == "python" and importlib.util.find_spec("griffe") is None:
        pytest.skip("griffelib is not installed")
    outdated = write_docs.PARTS[part]()
    assert [path.name for path in outdated] == [], f"out of date; {RENEW} {part}"


class TestExamples:
    pytestmark = needs_weights

    @pytest.mark.parametrize("path", write_docs.EXAMPLES, ids=lambda path: path.stem)
    def test_the_examples_print_what_the_page_says(self, path: Path) -> None:
        if missing := examples.missing():
            pytest.skip(f"sample photos of {', '.join(sorted(missing))} are not installed")
        written = path.read_text(encoding="utf-8")
        differences = examples.differences(written, examples.renewed(written))
        assert not differences, f"{path.name} says something else; {RENEW} examples\n" + "\n".join(differences)


def test_every_command_is_on_the_page_and_hidden_ones_are_not() -> None:
    @click.group(context_settings={"help_option_names": ["-h", "--help"]})
    def program() -> None:
        """All."""

    @program.group()
    def inner() -> None:
        """Some."""

    @inner.command()
    @click.option("--much", help="How much.")
    def deep(much: str) -> None:
        """Go down. And up."""

    @program.command(hidden=True)
    def secret() -> None:
        """Nothing."""

    text = page(program, "tool")
    assert "- [`tool inner`](#tool-inner): Some.\n  - [`tool inner deep`](#tool-inner-deep): Go down." in text
    assert "\n### tool inner deep\n\n```text\nUsage: tool inner deep [OPTIONS]\n" in text
    assert "-h, --help" in text
    assert "How much." in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("17 photos (17 new; … s).", "17 photos (17 new; … s).", True),
        ("17 photos (17 new; … s).", "18 photos (18 new; … s).", False),
        ("86%  0.534  a.png", "84%  0.520   a.png", True),
        ("86%  0.534  a.png", "80%  0.534  a.png", False),
        ("86%  0.534  a.png", "86%  0.634  a.png", False),
        ("86%  0.534  a.png", "86%  0.534  b.png", False),
        ("a", "a\nb", False),
    ],
)
def test_what_counts_as_the_same(old: str, new: str, same: bool) -> None:
    assert (examples.differences(old, new) == []) is same


def test_an_example_that_fails_is_named() -> None:
    with pytest.raises(examples.BrokenExample, match=r"1 / 0\n\nZeroDivisionError"):
        examples.renewed("```python\n1 / 0\n```\n")
    with pytest.raises(examples.BrokenExample, match=r"\$ mmembed no-such-command\nexit code 2"):
        examples.renewed("```console\n$ mmembed no-such-command\n```\n")
    with pytest.raises(examples.BrokenExample, match="Only mmembed is run"):
        examples.renewed("```console\n$ true\n```\n")


def test_a_block_gets_the_output_it_has_now() -> None:
    code = "```python\nprint(6 * 7, '(1.3 s, 14.1 new a second)')\n```\n"
    page = f"{code}```text\n41 (… s)\n```\n\n```python\nx = 1\n```\n\n```\nuntouched\n```\n"
    assert examples.renewed(page) == page.replace("41", "42")
