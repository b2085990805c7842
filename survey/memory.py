"""What a process remembers of what it read or made, so as not to do it again: never more than so much."""

from __future__ import annotations

from typing import TypeVar

Key = TypeVar("Key")
Made = TypeVar("Made")
MOST = 8192


def keep(kept: dict[Key, Made], key: Key, made: Made, most: int = MOST) -> Made:
    """Remember what was made; all is forgotten when there is too much."""
    if len(kept) >= most:
        kept.clear()
    kept[key] = made
    return made
