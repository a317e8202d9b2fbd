"""Errors that say what is wrong and what to do. Only the command line and the app turn them into exits and toasts."""

from __future__ import annotations


class MmembedError(Exception):
    """Base of every error this package raises on purpose; its text is one sentence for the user."""


class UnreadablePicture(MmembedError):
    """A file that cannot be decoded as a picture; the text is the reason.

    `lasting` tells whether the reason lies in the file's content, so that trying again is of no use until it changes.
    """

    def __init__(self, reason: str, lasting: bool = True) -> None:
        super().__init__(reason)
        self.lasting = lasting


class UnknownLanguage(MmembedError):
    """A language that the model in use does not serve."""

    def __init__(self, language: str, served: tuple[str, ...]) -> None:
        super().__init__(f"Language {language!r} is not served by this model; it knows {', '.join(served)}.")


class UnknownPreset(MmembedError):
    """A preset name that no file in `configs/` defines."""


class UnknownPair(MmembedError):
    """A pair of languages that a translator does not serve; the text names the nearest pairs it does."""


class UnavailableModel(MmembedError):
    """A model that is not on this machine and cannot be had now; the text says what works instead."""


class InvalidQuery(MmembedError):
    """A search, caption or translation request that makes no sense, such as an empty text."""


class GalleryError(MmembedError):
    """A gallery that is missing, broken, from a newer version, or made with other weights."""


class InvalidConfig(MmembedError):
    """A configuration file with an unknown key, a wrong type or an impossible value."""


class InvalidData(MmembedError):
    """A data file (captions, references, splits) that does not have the promised form."""


class MissingPackage(MmembedError):
    """An optional package is needed; the text names the exact install command."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package}. Install it with: pip install {package} (all of that kind: mmembed[{extra}])"
        )
