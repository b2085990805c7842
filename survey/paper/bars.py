"""Bars of intervals: their measures for a drawing, and the drawing as a small picture for word processors."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from survey.paper.document import Bar

WIDTH, HEIGHT = 200, 14
SCALE, INTERVAL, VALUE = (198, 203, 208), (143, 179, 217), (18, 56, 92)
PALETTE = ((255, 255, 255), SCALE, INTERVAL, VALUE)
FINER = 2  # points of the picture for one unit of the drawing


@dataclass(frozen=True)
class Measures:
    """Where the interval begins, how wide it is, and where the value stands, from the left."""

    low: float
    width: float
    value: float


def measures(bar: Bar) -> Measures:
    """A bar on WIDTH; an interval is never too thin to be seen."""
    step = WIDTH / bar.end
    return Measures(bar.low * step, max((bar.high - bar.low) * step, 1.0), bar.value * step)


def png(bar: Bar) -> bytes:
    """The bar as a PNG of four colours; the same bar gives the same bytes."""
    found, width, height = measures(bar), WIDTH * FINER, HEIGHT * FINER
    rows = [bytearray(width) for _ in range(height)]
    _fill(rows, (0, WIDTH), (6, 8), 1)
    _fill(rows, (found.low, found.low + found.width), (2, 12), 2)
    _fill(rows, (found.value - 1, found.value + 1), (0, HEIGHT), 3)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colours = b"".join(bytes(one) for one in PALETTE)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    parts = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)


def _fill(rows: list[bytearray], across: tuple[float, float], down: tuple[int, int], colour: int) -> None:
    left, right = (min(max(round(one * FINER), 0), len(rows[0])) for one in across)
    for row in rows[down[0] * FINER : down[1] * FINER]:
        row[left:right] = bytes([colour]) * (right - left)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
