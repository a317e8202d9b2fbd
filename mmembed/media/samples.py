"""Real photographs that installed packages carry, so that there is something to look at before the first own folder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

# Photographs only: the same packages also hold logos, drawings, scans, microscope slides and copies.
_PHOTOS = {
    "skimage": (
        "data/astronaut.png",
        "data/brick.png",
        "data/camera.png",
        "data/chelsea.png",
        "data/coffee.png",
        "data/coins.png",
        "data/grass.png",
        "data/hubble_deep_field.jpg",
        "data/moon.png",
        "data/motorcycle_left.png",
        "data/rocket.jpg",
    ),
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
    "gradio": (
        "media_assets/images/cheetah.jpg",
        "media_assets/images/cheetah1.jpg",
        "media_assets/images/lion.jpg",
        "media_assets/images/tower.jpg",
    ),
    "matplotlib": ("mpl-data/sample_data/grace_hopper.jpg",),
}


def sample_photos() -> list[Path]:
    """Photos inside scikit-image, scikit-learn, gradio and matplotlib, as far as these are installed.

    The packages are located, never imported. The list is empty when none of them is there.
    """
    homes = {package: home for package in _PHOTOS if (home := _home(package)) is not None}
    return [file for package, home in homes.items() for name in _PHOTOS[package] if (file := home / name).is_file()]


def _home(package: str) -> Path | None:
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):  # a broken installation of a package we only borrow photos from
        return None
    locations = list(spec.submodule_search_locations or ()) if spec else []
    return Path(locations[0]) if locations else None
