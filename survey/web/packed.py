"""Texts packed as gzip; of a page, what stands there for every reader once, what is one reader's own between it.

So such a page does not cost its packing again, and its secrets never shrink together with what somebody sent.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from survey.memory import keep

HEAD, END = bytes.fromhex("1f8b08000000000000ff"), bytes.fromhex("0300")  # RFC 1952: no name, no time; RFC 1951: done
A_FEW = 256  # bytes of one reader's own that are not packed at all
WINDOW, MEMORY = 14, 7  # a page fits; zlib's own choice asks the system for memory each time
KEPT_GAPS = 8


def shrink(data: bytes) -> bytes:
    """A whole text as gzip."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + WINDOW, MEMORY)  # 16: with gzip's head and end
    return packer.compress(data) + packer.flush()


class Frame:
    """The parts of a page that are the same for all; one reader's own words stand between each two of them."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = [part.encode() for part in parts]
        self._packed: dict[tuple[int | None, ...], list[bytes]] = {}

    def plain(self, own: Sequence[bytes]) -> bytes:
        """The page as it is read; `own` has one text fewer than there are parts."""
        return b"".join([*_in_turn(self.parts, own), self.parts[-1]])

    def gzipped(self, own: Sequence[bytes]) -> bytes:
        """The page as gzip."""
        plain, gaps = self.plain(own), tuple(len(text) if len(text) <= A_FEW else None for text in own)
        parts = self._packed.get(gaps) or keep(self._packed, gaps, _packed(self.parts, gaps), KEPT_GAPS)
        blocks = [*_in_turn(parts, [_alone(text) for text in own]), parts[-1]]
        return b"".join([HEAD, *blocks, END, zlib.crc32(plain).to_bytes(4, "little"), len(plain).to_bytes(4, "little")])


def _in_turn(parts: Sequence[bytes], own: Sequence[bytes]) -> list[bytes]:
    return [one for pair in zip(parts, own, strict=False) for one in pair]


def _packed(parts: Sequence[bytes], gaps: Sequence[int | None]) -> list[bytes]:
    """Each part as blocks (RFC 1951) that point back over gaps of so many bytes, never into them."""
    may_point = not any(b"\0" in part for part in parts)  # a gap is filled with it here
    packer, made = _packer(), []
    for part, gap in zip(parts, [*gaps, None], strict=True):
        made.append(packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH))
        if gap is None or not may_point:
            packer = _packer()
        else:
            packer.compress(bytes(gap))
            packer.flush(zlib.Z_SYNC_FLUSH)
    return made


def _packer() -> zlib._Compress:
    return zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)


def _alone(text: bytes) -> bytes:
    """A few words as they are, more of them packed, in blocks of their own."""
    if len(text) > A_FEW:
        packer = zlib.compressobj(6, zlib.DEFLATED, -WINDOW, MEMORY)
        return packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)
    size = len(text)
    return b"\0" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + text
