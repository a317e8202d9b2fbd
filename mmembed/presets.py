"""configs/presets/*.yaml → Preset: what can be loaded, with its languages, licence, size and measured scores."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from mmembed.errors import InvalidConfig

if TYPE_CHECKING:
    from mmembed.model import Model

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Published:
    """A score that others published, for us to compare with.

    Attributes:
        what: data, direction and metric, such as "XM3600 text-to-image R@1, 36 languages".
        value: the score.
        url: where it is published.
    """

    what: str
    value: float
    url: str


@dataclass(frozen=True)
class Preset:
    """One loadable model. What it can do follows from its backend: search, captions, translation.

    Attributes:
        name: what `--preset` and `mmembed.load()` take; several may be joined with `+`.
        summary: one line for people.
        backend: which file of `mmembed.space` or `mmembed.generate` loads it; see `mmembed.backends`.
        weights: the folder (relative to the package) or hub name of its weights.
        languages: ISO 639-1 codes the space was trained on; of a preset that is no space, none.
        captions: codes of the languages it writes captions in.
        translations: codes of the languages it translates between; `all` stands for all that its family has codes for.
        licence: terms of the weights.
        use: what those terms mean for a user, in a sentence.
        size_mb: download or bundle size in megabytes, at 4 bytes a parameter where only those are known.
        measured: our own measurements, name → value; empty means "never run here".
        parameters_m: millions of parameters, or None if not known.
        published: scores that others published.
        pairs: of a translator that does not have all pairs of its languages, those it has, such as `en-de`.
        options: further settings of the backend.
    """

    name: str
    summary: str
    backend: str
    weights: str
    languages: tuple[str, ...]
    captions: tuple[str, ...]
    translations: tuple[str, ...]
    licence: str
    use: str
    size_mb: float
    measured: dict[str, float] = field(default_factory=dict)
    parameters_m: float | None = None
    published: tuple[Published, ...] = ()
    pairs: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)


def config_folder() -> Path:
    """Where the shipped configurations are: inside the installed package, or beside it in a checkout."""
    inside = _PACKAGE / "configs"
    return inside if inside.is_dir() else _PACKAGE.parent / "configs"


def read_config(path: Path, kind: type) -> Any:
    """A YAML file as an instance of the dataclass `kind`, checked.

    Raises:
        InvalidConfig: the file is missing, is no YAML, has an unknown key or a value of the wrong type.
    """
    return checked(read_yaml(path), kind, path)


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        InvalidConfig: the file is missing or is no YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidConfig(f"{path} does not exist.") from error
    except yaml.YAMLError as error:
        raise InvalidConfig(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error


def read_json(path: Path, kind: type, absent: str) -> Any:
    """A JSON file as an instance of the dataclass `kind`.

    Raises:
        InvalidConfig: the file is damaged or, saying `absent`, missing.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as error:
        raise InvalidConfig(absent) from error
    except msgspec.MsgspecError as error:
        raise InvalidConfig(f"{path} is damaged: {error}") from error


def checked(content: Any, kind: type, path: Path) -> Any:
    """What the file at `path` holds as an instance of the dataclass `kind`.

    Raises:
        InvalidConfig: it has an unknown key or a value of the wrong type.
    """
    known = {item.name for item in dataclasses.fields(kind)}
    unknown = sorted(set(content or ()) - known)
    if unknown:
        raise InvalidConfig(f"{path} has the unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}.")
    try:
        return msgspec.convert(content, kind, strict=True, dec_hook=_as_path)
    except msgspec.ValidationError as error:
        raise InvalidConfig(f"{path}: {error}") from error


def _as_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise NotImplementedError(f"{kind.__name__} cannot be read from a configuration file.")


def presets() -> dict[str, Preset]:
    """All presets by name, in alphabetical order."""
    files = sorted((config_folder() / "presets").glob("*.yaml"))
    return {preset.name: preset for preset in (read_config(file, Preset) for file in files)}


def load(name: str = "mini", threads: int | None = None) -> Model:
    """Load a space, a captioner and a translator. The default, `mini`, ships with the package and needs neither torch nor network.

    Args:
        name: a preset's name, a hub name such as `google/siglip2-base-patch16-256`, a folder with a model in the hub's layout
            or with a bundle made by `mmembed train`, or several of them joined with `+`. Each serves what none before it does,
            and `mini` serves the rest: `siglip2-base+blip-base` searches with the first, captions with the second and
            translates with `mini`.
        threads: how many CPU threads one inference of a bundle may use; the number of cores by default.

    Raises:
        UnknownPreset: there is no such preset, folder or hub name.
        UnavailableModel: it is not on this machine, and the hub cannot be reached or does not have it.
    """
    from mmembed.compose import compose

    return compose(name, threads)
