"""What a command tells: the same figures as an aligned table for a person or as one JSON object for a machine."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """What was taken as given, the tables by name, and remarks that belong under them."""

    given: Mapping[str, Any]
    tables: Mapping[str, Sequence[Row]]
    remarks: Sequence[str] = field(default_factory=tuple)


def tell(told: Told, *, as_json: bool) -> int:
    """Write to standard output; returns 0. Infinite and undefined figures are null in JSON, a dash in the table."""
    sys.stdout.write((_json(told) if as_json else _text(told)) + "\n")
    return 0


def _json(told: Told) -> str:
    whole = {"given": told.given, **told.tables, "remarks": list(told.remarks)}
    return json.dumps(_plain(whole), ensure_ascii=False, indent=1, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(told: Told) -> str:
    blocks = ["; ".join(f"{name} {_cell(value)}" for name, value in told.given.items())] if told.given else []
    for name, rows in told.tables.items():
        blocks.append("\n".join([name, *_lines(rows)] if len(told.tables) > 1 else _lines(rows)))
    return "\n\n".join([*blocks, *told.remarks])


def _lines(rows: Sequence[Row]) -> list[str]:
    """Columns as wide as their widest cell, numbers to the right."""
    if not rows:
        return ["(none)"]
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [all(_is_number(row[name]) for row in rows) for name in rows[0]]
    return ["  ".join(one.rjust(width) if to_right else one.ljust(width)
            for one, width, to_right in zip(line, widths, right, strict=True)).rstrip() for line in cells]  # fmt: skip


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}" if math.isfinite(value) else "-"
        case list() | tuple():
            return ", ".join(map(_cell, value))
    return str(value)
