"""Figures of another year's units put together (or apart) into the units of today, as after the mergers of 2025.

Old units are strata of the new one: its figure is the mean of theirs by their dossiers, `sum W p / sum W`, its variance
`sum W^2 V / (sum W)^2` (Cochran 1977, 5.3), and its limits add the squared distances of theirs (Zou and Donner 2008),
which keeps them inside 0..100. A unit of which only a part became the new one lends its figure to the part: that is an
assumption (the people of the part are like those of the whole), and the row says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, isclose
from typing import Any

from analysis.components.decimals import six
from analysis.components.folder_files import read_columns
from analysis.components.limits import Method
from analysis.components.result_rows import IDENTITY, ResultRow
from analysis.components.sheet import RANKED, Status
from analysis.components.tables import LEAST, read_number
from analysis.errors import CellInvalid, ColumnMissing, DuplicateKey

COLUMNS = ("unit", "becomes", "share")
WHOLE = 1.0
SLACK = 1e-6  # of shares that add up to one
UNSAID = ("rank", "rank_low", "rank_high", "grade", "change", "change_low", "change_high", "change_clear", "deff",
          "n_effective", "response_rate", "source")  # fmt: skip


@dataclass(frozen=True, order=True)
class Share:
    """The share of a unit's dossiers of the other year that fall into a unit of today."""

    unit: str
    becomes: str
    share: float


def read_shares(data: bytes, file: str) -> tuple[Share, ...]:
    """A table `unit, becomes, share`; an empty share is the whole unit, and the shares of a unit add up to one.
    Raises FileUnreadable, ColumnMissing, CellInvalid, DuplicateKey."""
    columns = read_columns(data, file)
    for name in COLUMNS:
        if name not in columns:
            raise ColumnMissing(name, file)
    rows = list(zip(*(columns[name] for name in COLUMNS), strict=True))
    found = [_share(file, number, *row) for number, row in enumerate(rows, start=2)]
    _check(found, file)
    return tuple(sorted(found))


def _share(file: str, row: int, unit: str, becomes: str, share: str) -> Share:
    for name, cell in (("unit", unit), ("becomes", becomes)):
        if not cell:
            raise CellInvalid(file, row, name, cell, "the code of a unit")
    try:
        value = WHOLE if share == "" else read_number(share)
    except ValueError:
        value = 0.0
    if not LEAST <= value <= WHOLE:
        raise CellInvalid(file, row, "share", share, "a number above 0 and up to 1")
    return Share(unit, becomes, value)


def _check(found: Sequence[Share], file: str) -> None:
    seen: set[tuple[str, str]] = set()
    sums: dict[str, float] = defaultdict(float)
    last: dict[str, int] = {}
    for row, one in enumerate(found, start=2):
        if (one.unit, one.becomes) in seen:
            raise DuplicateKey(file, f"{one.unit}, {one.becomes}")
        seen.add((one.unit, one.becomes))
        sums[one.unit] += one.share
        last[one.unit] = row
    for unit, total in sums.items():
        if not isclose(total, WHOLE, abs_tol=SLACK):
            raise CellInvalid(file, last[unit], "share", f"{total:g}", f"shares of {unit} that add up to 1")


def masses(shares: Sequence[Share], dossiers: Mapping[str, float]) -> dict[str, float]:
    """The other year's dossiers by the units of today."""
    mass: dict[str, float] = defaultdict(float)
    for one in shares:
        mass[one.becomes] += one.share * dossiers.get(one.unit, 0.0)
    return dict(mass)


def turned(shares: Sequence[Share], dossiers: Mapping[str, float]) -> tuple[Share, ...]:
    """The way back: of each unit of today the shares that come from the units of the other year, by their dossiers."""
    mass = masses(shares, dossiers)
    back = [
        Share(one.becomes, one.unit, one.share * dossiers.get(one.unit, 0.0) / mass[one.becomes])
        for one in shares
        if mass[one.becomes] > 0
    ]
    return tuple(sorted(back))


def regrouped(
    rows: Sequence[ResultRow], shares: Sequence[Share], dossiers: Mapping[str, float]
) -> tuple[dict[str, Any], ...]:
    """The rows by the units that theirs become; units that no share names keep their rows.

    `dossiers` are those of the rows' own units, in their own year. Percentages are put together; points only follow a
    unit that became another one wholly and alone, since points are no mean. A figure of which a part may not be shown,
    or is not there, is empty and names it.
    """
    parts: dict[str, list[Share]] = defaultdict(list)
    for one in shares:
        parts[one.becomes].append(one)
    moved = {one.unit for one in shares}
    figures: dict[tuple[str, ...], dict[str, ResultRow]] = defaultdict(dict)
    for row in rows:
        figures[tuple(str(row[name]) for name in IDENTITY[1:])][str(row["unit"])] = row
    out: list[dict[str, Any]] = [dict(row) for row in rows if row["unit"] not in moved]
    for found in figures.values():
        for unit, own in sorted(parts.items()):
            out += _of(unit, own, found, dossiers)
    return tuple(out)


def _of(
    unit: str, parts: Sequence[Share], found: Mapping[str, ResultRow], dossiers: Mapping[str, float]
) -> Iterator[dict[str, Any]]:
    there = [one for one in parts if one.unit in found]
    if not there:
        return
    first = found[there[0].unit]
    alone = len(parts) == 1 and parts[0].share == WHOLE
    if alone:
        yield {**first, "unit": unit}
        return
    if first.get("max") is not None:
        return
    base = {**first, "unit": unit, **{name: None for name in UNSAID if name in first}}
    missing = [one.unit for one in parts if one.unit not in found or found[one.unit]["status"] not in RANKED]
    weights = [one.share * dossiers.get(one.unit, 0.0) for one in parts]
    if missing or not sum(weights) > 0:
        yield {**base, **_empty(missing)}
        return
    yield {**base, **_combined([found[one.unit] for one in parts], weights), "reason": _reason(parts)}


def _empty(missing: Sequence[str]) -> dict[str, Any]:
    nothing = dict.fromkeys(("index", "points", "se", "ci_low", "ci_high", "ci_method", "n_valid", "n_invited"))
    return {**nothing, "status": str(Status.EMPTY), "reason": f"without_units={','.join(missing)}"}


def _combined(rows: Sequence[ResultRow], weights: Sequence[float]) -> dict[str, Any]:
    """Value, error and limits of the whole; a part without limits is exact."""
    parts = [weight / sum(weights) for weight in weights]
    values = [float(str(row["index"])) for row in rows]
    value = sum(part * one for part, one in zip(parts, values, strict=True))
    below, above = [], []
    for row, one in zip(rows, values, strict=True):
        least, most = row["ci_low"], row["ci_high"]
        below.append(0.0 if least is None else one - float(least))
        above.append(0.0 if most is None else float(most) - one)
    exact = all(row["ci_low"] is None for row in rows)
    low = value - hypot(*(part * one for part, one in zip(parts, below, strict=True)))
    high = value + hypot(*(part * one for part, one in zip(parts, above, strict=True)))
    return {
        "index": six(value), "status": str(Status.COMPLETE if exact else Status.OK), "se": _error(rows, parts),
        "ci_low": None if exact else six(low), "ci_high": None if exact else six(high),
        "ci_method": str(Method.COMPLETE if exact else Method.SQUARE_AND_ADD),
        "n_valid": _added(rows, "n_valid"), "n_invited": _added(rows, "n_invited"),
    }  # fmt: skip


def _error(rows: Sequence[ResultRow], parts: Sequence[float]) -> str | None:
    """The standard error; none where a part has limits and no error of its own."""
    errors = []
    for row in rows:
        told = row.get("se")
        if told is None and row["ci_low"] is not None:
            return None
        errors.append(float(told or 0.0))
    return six(hypot(*(part * one for part, one in zip(parts, errors, strict=True))))


def _added(rows: Sequence[ResultRow], name: str) -> str | None:
    counts = [row.get(name) for row in rows]
    return None if None in counts else str(sum(int(str(one)) for one in counts))


def _reason(parts: Sequence[Share]) -> str:
    """Which units it was made of, and which of them only in part."""
    made = f"made_of={','.join(one.unit for one in parts)}"
    some = [one.unit for one in parts if one.share < WHOLE]
    return f"{made}; part_of={','.join(some)}" if some else made
