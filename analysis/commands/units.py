"""The plan of many units: a CSV of units shared out over, or looked ahead for."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.commands.aims import HUNDRED, aim_of, given_of
from analysis.commands.told import Told, tell
from analysis.components.folder_files import read_columns
from analysis.components.tables import read_number
from analysis.design import FloatArray
from analysis.errors import CellInvalid, ColumnMissing, DuplicateKey, FileUnreadable, OptionInvalid
from analysis.planning.allocation import Rule, allocate, measures
from analysis.planning.precision import Aim, Figure, expectation, expected_limits
from analysis.planning.sizes import invitations

LARGEST = 1e12
BOUNDS = {  # column: (from, to, what is allowed)
    "population": (1.0, LARGEST, "a number from 1"),
    "share": (0.0, HUNDRED, "a percentage from 0 to 100"),
    "deff": (1e-9, LARGEST, "a number above 0"),
    "response": (1e-9, HUNDRED, "a percentage above 0, up to 100"),
    "least": (1.0, LARGEST, "a number from 1"),
    "most": (1.0, LARGEST, "a number from 1"),
    "invited": (0.0, LARGEST, "a number from 0"),
}


@dataclass(frozen=True, eq=False)
class Units:
    """Unit codes and a planning value of each by name, float64[U]; a column or cell that is not there is the option."""

    codes: tuple[str, ...]
    values: Mapping[str, FloatArray]

    def __getitem__(self, name: str) -> FloatArray:
        return self.values[name]


def read_units(path: Path, needed: Sequence[str], otherwise: Mapping[str, float]) -> Units:
    """Read the file; `needed` columns have a number in every row, in others an empty cell stands for `otherwise`.

    Raises FileUnreadable, ColumnMissing, CellInvalid (row, column, rule), DuplicateKey.
    """
    columns = read_columns(path.read_bytes(), path.name)
    for name in ("unit", *needed):
        if name not in columns:
            raise ColumnMissing(name, path.name)
    unknown = sorted(set(columns) - {"unit", "name"} - set(BOUNDS))
    if unknown:
        raise CellInvalid(path.name, 1, unknown[0], "", f"the columns unit, name, {', '.join(BOUNDS)}")
    codes = columns["unit"]
    if not codes:
        raise FileUnreadable(path.name, "it has no unit")
    for row, code in enumerate(codes):
        if not code:
            raise CellInvalid(path.name, row + 2, "unit", code, "the code of a unit")
        if code in codes[:row]:
            raise DuplicateKey(path.name, code)
    names = (*needed, *otherwise)
    values = {name: _values(path.name, name, columns.get(name), otherwise.get(name), len(codes)) for name in names}
    return Units(tuple(codes), values)


def _values(file: str, name: str, cells: Sequence[str] | None, otherwise: float | None, size: int) -> FloatArray:
    low, high, allowed = BOUNDS[name]
    out = np.empty(size)
    for row, cell in enumerate(cells or [""] * size):
        try:
            value = otherwise if cell == "" else read_number(cell)
        except ValueError:
            value = None
        if value is None or (cell != "" and not low <= value <= high):
            raise CellInvalid(file, row + 2, name, cell, allowed)
        out[row] = value
    return out


def share_out(options: argparse.Namespace) -> int:
    """`plan allocate`: answers and invitations of every unit, with the limits that they will give."""
    otherwise = {**_shared(options), "least": float(options.least), "most": LARGEST}
    units = read_units(options.units, ("population",), otherwise)
    population, response = np.floor(units["population"]), units["response"] / HUNDRED
    most = np.maximum(np.minimum(units["most"], np.floor(population * response)), 1.0)
    for code, least, own in zip(units.codes, units["least"], units["most"], strict=True):
        if least > own:
            raise OptionInvalid(f"least of unit {code}", least, f"at most its most, {own:g}")
    share = units["share"] / HUNDRED
    spread = np.sqrt(share * (1 - share) * units["deff"])
    measure = measures(Rule(options.rule), population, spread=spread, exponent=options.exponent)
    plan = allocate(options.total, measure, least=units["least"], most=most)
    asked = invitations(plan.sizes, response, population)
    low, high = _limits(options, units, plan.sizes)
    rows = [
        {"unit": code, "population": int(population[place]), "answers": int(plan.sizes[place]),
         "invitations": int(asked.count[place]), "take all": bool(asked.take_all[place]),
         "expected low": low[place], "expected high": high[place],
         "bound": "most" if plan.at_most[place] else "least" if plan.at_least[place] else None}
        for place, code in enumerate(units.codes)
    ]  # fmt: skip
    given = {"total": options.total, "rule": str(options.rule), "exponent": options.exponent, **given_of(options)}
    remark = f"{int(plan.sizes.sum())} answers, {int(asked.count.sum())} invitations, {len(rows)} units"
    lowered = [code for code, cut in zip(units.codes, units["least"] > np.floor(most), strict=True) if cut]
    remarks = (remark, *([f"least lowered to all that can answer: {', '.join(lowered)}"] if lowered else []))
    return tell(Told(given, {"units": rows}, remarks), as_json=options.json)


def expect(options: argparse.Namespace) -> int:
    """`plan expect`: what the invitations of every unit will give."""
    units = read_units(options.units, ("population", "invited"), _shared(options))
    aim = aim_of(options, options.share)
    rows: list[dict[str, Any]] = []
    for place, code in enumerate(units.codes):
        share, deff = float(units["share"][place]) / HUNDRED, float(units["deff"][place])
        found = expectation(
            min(units["invited"][place], units["population"][place]), units["response"][place] / HUNDRED,
            units["population"][place], item=Aim(Figure.ITEM, share, 1.0), index=Aim(Figure.INDEX, share, aim.ratio),
            deff=deff, level=options.level / HUNDRED, least=options.least,
        )  # fmt: skip
        row = {"unit": code, "invited": float(units["invited"][place]), "answers": float(found.answers),
               "chance of a score": HUNDRED * float(found.chance_of_score)}  # fmt: skip
        for name, (low, high) in {"item": found.item, "index": found.index}.items():
            if name == "item" or aim.figure is Figure.INDEX:
                row |= {f"{name} low": HUNDRED * float(low), f"{name} high": HUNDRED * float(high)}
        rows.append(row)
    return tell(Told({"least": options.least, **given_of(options)}, {"units": rows}), as_json=options.json)


def _limits(options: argparse.Namespace, units: Units, sizes: Any) -> tuple[list[float], list[float]]:
    low, high = [], []
    for place, n in enumerate(sizes.tolist()):
        aim = aim_of(options, float(units["share"][place]))
        told = {"deff": float(units["deff"][place]), "level": options.level / HUNDRED}
        limits = expected_limits(aim, n, np.floor(units["population"][place]), **told)
        low.append(HUNDRED * float(limits[0]))
        high.append(HUNDRED * float(limits[1]))
    return low, high


def _shared(options: argparse.Namespace) -> dict[str, float]:
    return {name: float(getattr(options, name)) for name in ("share", "deff", "response")}
