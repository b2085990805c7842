"""Pages packed (gzip) piece by piece: what is the same for all is packed once, what is one reader's own lies unpacked.

So no page costs its packing again, and its secrets never shrink together with what somebody sent.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

HEAD, END = bytes.fromhex("1f8b08000000000000ff"), bytes.fromhex("0300")  # RFC 1952: no name, no time; RFC 1951: done
MOST_STORED = 0xFFFF


@dataclass(frozen=True)
class Piece:
    """A part of a page, plain and as whole blocks of a packed stream (RFC 1951)."""

    plain: bytes
    blocks: bytes


def kept(text: str) -> Piece:
    """What stands on the page for every reader."""
    plain = text.encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return Piece(plain, packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH))


def own(text: str) -> Piece:
    """What stands there for one reader."""
    plain = text.encode()
    return Piece(plain, b"".join(_stored(plain)))


def _stored(plain: bytes) -> Iterator[bytes]:
    for start in range(0, len(plain), MOST_STORED):
        part = plain[start : start + MOST_STORED]
        size = len(part).to_bytes(2, "little")
        yield b"\0" + size + bytes(0xFF - byte for byte in size) + part


def gzipped(pieces: Iterable[Piece]) -> bytes:
    """The page as gzip."""
    found = list(pieces)
    plain = b"".join([piece.plain for piece in found])
    blocks = [piece.blocks for piece in found]
    return b"".join((HEAD, *blocks, END, zlib.crc32(plain).to_bytes(4, "little"), len(plain).to_bytes(4, "little")))
