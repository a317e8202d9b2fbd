"""docs/python.md: the Python interface, from signatures and docstrings; nothing is imported but read by griffe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import griffe

import mmembed

_HEAD = """# The Python interface

Everything here can be imported from `mmembed`, the errors from `mmembed.errors`. What is not on this page may change without
notice. The [tour](tour.md) shows how it goes together. Made from signatures and docstrings by
`python -m scripts.write_docs python`; do not edit.

```python
import mmembed

model = mmembed.load("mini")
with mmembed.Gallery("photos.mm", model) as gallery:
    gallery.index("photos")
    hits = gallery.search("two dogs in the snow", k=5)
```
"""
_TOPICS = {
    "Loading a model": ("load", "Model", "Preset"),
    "Pictures and vectors": ("Picture", "Space"),
    "Captions and translations": ("Caption", "Translation", "Explained", "Style"),
    "Galleries": ("Gallery", "Hit", "Item", "IndexReport", "Skipped"),
    "Questions to a gallery": ("Query", "Term", "Filters"),
}
_LINE = 100  # a longer signature takes a line for each parameter


def page(root: Path) -> str:
    """The whole page, as Markdown.

    Raises:
        ValueError: a public name is in no topic, or an attribute is not described.
    """
    package = griffe.load("mmembed", search_paths=[str(root)], docstring_parser="google")
    if lost := set(mmembed.__all__) - {name for names in _TOPICS.values() for name in names} - {"MmembedError"}:
        raise ValueError(f"Public names that no topic of scripts/docs/python.py has: {', '.join(sorted(lost))}")
    topics = [*_TOPICS.items(), ("Errors", ())]
    contents = [
        f"- [{title}](#{_anchor(title)}){': ' if names else ''}{', '.join(f'[`{name}`](#{_anchor(name)})' for name in names)}"
        for title, names in topics
    ]
    parts = [_HEAD, *contents, ""]
    for title, names in _TOPICS.items():
        parts.append(f"## {title}\n")
        for name in names:
            thing = _target(package[name])
            parts += _class(thing) if thing.is_class else _function(thing, "###", name)
    return "\n".join([*parts, *_errors(package["errors"])]).rstrip() + "\n"


def _target(member: Any) -> Any:
    return member.final_target if member.is_alias else member


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _class(thing: Any) -> Iterator[str]:
    yield f"### `{thing.name}`\n"
    known = {}
    if not any("dataclass" in str(decorator.value) for decorator in thing.decorators) and "Protocol" not in map(str, thing.bases):
        yield f"```python\n{_signature(thing['__init__'], thing.name)}\n```\n"
        known = {"__init__": thing["__init__"]}
    yield from _text(thing)
    for each in known.values():
        yield from _arguments(each)
    described = {item.name: item.description for section in _sections(thing, "attributes") for item in section}
    lines = []
    for name, member in thing.members.items():
        if not name.startswith("_") and member.is_attribute:
            text = described.get(name) or _first(member)
            if not text:
                raise ValueError(f"The attribute {thing.path}.{name} has no description; write one in the class's docstring.")
            default = (
                f" = {member.value}".replace("'", '"')
                if member.value and "field(" not in str(member.value) and "class-attribute" in member.labels
                else ""
            )
            lines.append(f"- `{name}{f': {member.annotation}' if member.annotation else ''}{default}`: {_joined(text)}")
    if lines:
        yield "\n".join(lines) + "\n"
    for name, member in thing.members.items():
        if not name.startswith("_") and member.is_function:
            yield from _function(member, "####", f"{thing.name}.{name}")


def _function(thing: Any, level: str, title: str) -> Iterator[str]:
    yield f"{level} `{title}`\n"
    yield f"```python\n{_signature(thing, title)}\n```\n"
    yield from _text(thing)
    yield from _arguments(thing)


def _arguments(thing: Any) -> Iterator[str]:
    for section in _sections(thing, "parameters"):
        yield "\n".join(f"- `{item.name}`: {_joined(item.description)}" for item in section) + "\n"
    for section in _sections(thing, "returns"):
        yield f"Returns: {_joined(' '.join(item.description for item in section))}\n"
    for section in _sections(thing, "raises"):
        yield "Raises:\n" + "\n".join(f"- `{item.annotation}`: {_joined(item.description)}" for item in section) + "\n"


def _errors(module: Any) -> Iterator[str]:
    yield "## Errors\n\nAll are `MmembedError`s; their text is one sentence that says what is wrong and what to do.\n"
    yield "\n".join(f"- `{name}`: {_joined(_first(member))}" for name, member in module.members.items() if not member.is_alias)


def _signature(function: Any, title: str) -> str:
    owner = [parameter for parameter in function.parameters if parameter.name not in ("self", "cls")]
    parameters = [_parameter(parameter) for parameter in owner]
    result = f" -> {function.returns}" if function.returns and title.rpartition(".")[2][0].islower() else ""
    line = f"{title}({', '.join(parameters)}){result}"
    if len(line) <= _LINE:
        return line
    return "\n".join([f"{title}(", *(f"    {parameter}," for parameter in parameters), f"){result}"])


def _parameter(parameter: Any) -> str:
    default = f" = {parameter.default}".replace("'", '"') if parameter.default is not None else ""
    return f"{parameter.name}: {parameter.annotation}{default}"


def _sections(thing: Any, kind: str) -> Sequence[Any]:
    return [section.value for section in thing.docstring.parsed if section.kind.value == kind] if thing.docstring else []


def _text(thing: Any) -> Iterator[str]:
    for text in _sections(thing, "text"):
        yield "\n\n".join(_joined(paragraph) for paragraph in text.split("\n\n")) + "\n"


def _first(thing: Any) -> str:
    return next(iter(_sections(thing, "text")), "").split("\n\n")[0]


def _joined(text: str) -> str:
    return " ".join(text.split())
