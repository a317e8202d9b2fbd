"""How large a file may be that is read whole."""

from __future__ import annotations

from mmembed.errors import UnreadablePicture


def refuse_large(size: int, most: int) -> None:
    """Both in bytes.

    Raises:
        UnreadablePicture: `size` is more than `most`.
    """
    if size > most:
        raise UnreadablePicture(f"the file has more than {most // 2**20} MB, too many to be safe")
