"""What the tests of indexing look at: a run's counts, and what the gallery holds."""

from __future__ import annotations

from mmembed.gallery import Gallery, IndexReport


def counts(report: IndexReport) -> tuple[int, int, int, int, int]:
    """found, embedded, reused, unchanged, removed"""
    return report.found, report.embedded, report.reused, report.unchanged, report.removed


def held(gallery: Gallery) -> list[str]:
    return sorted(path.name for item in gallery.items() for path in item.paths)
