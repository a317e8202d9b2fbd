"""mmembed: one vector space for pictures and words, and decoders that turn vectors back into language.

    import mmembed
    model = mmembed.load("mini")
    picture = mmembed.Picture.open("a.jpg")
    model.space.embed_pictures([picture])      # float32 [1, dim]
    model.caption([picture], language="de")    # [Caption]

Names are imported when first used, so that `import mmembed` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmembed.errors import MmembedError as MmembedError
    from mmembed.gallery import Gallery as Gallery
    from mmembed.gallery.items import Filters as Filters
    from mmembed.gallery.items import Hit as Hit
    from mmembed.gallery.items import IndexReport as IndexReport
    from mmembed.gallery.items import Item as Item
    from mmembed.gallery.items import Query as Query
    from mmembed.gallery.items import Skipped as Skipped
    from mmembed.gallery.items import Term as Term
    from mmembed.generate.base import Caption as Caption
    from mmembed.generate.base import Style as Style
    from mmembed.generate.base import Translation as Translation
    from mmembed.generate.translation import Explained as Explained
    from mmembed.media.picture import Picture as Picture
    from mmembed.model import Model as Model
    from mmembed.presets import Preset as Preset
    from mmembed.presets import load as load
    from mmembed.space.base import Space as Space

_HOMES = {
    "MmembedError": "mmembed.errors",
    "Gallery": "mmembed.gallery",
    "Filters": "mmembed.gallery.items",
    "Hit": "mmembed.gallery.items",
    "IndexReport": "mmembed.gallery.items",
    "Item": "mmembed.gallery.items",
    "Query": "mmembed.gallery.items",
    "Skipped": "mmembed.gallery.items",
    "Term": "mmembed.gallery.items",
    "Caption": "mmembed.generate.base",
    "Explained": "mmembed.generate.translation",
    "Style": "mmembed.generate.base",
    "Translation": "mmembed.generate.base",
    "Picture": "mmembed.media.picture",
    "Model": "mmembed.model",
    "Preset": "mmembed.presets",
    "Space": "mmembed.space.base",
    "load": "mmembed.presets",
}
__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mmembed' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
