"""A case's data: columns of a CSV file, conditions on rows, derived columns and categories, as the case file says."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from analysis.design import BoolArray, Column, FloatArray
from analysis.errors import ColumnMissing, FileUnreadable, OptionInvalid

MISSING = frozenset({"", "NA"})


@dataclass(eq=False)
class Table:
    """Columns by name: numbers float64[n] with NaN for missing, or text (object[n]) with None for missing;
    `categorical` names number columns that are to be treated as categories."""

    source: str
    rows: int
    columns: dict[str, Column]
    categorical: set[str] = field(default_factory=set)

    def column(self, name: str) -> Column:
        if name not in self.columns:
            raise ColumnMissing(name, self.source)
        return self.columns[name]

    def numbers(self, name: str) -> FloatArray:
        values = self.column(name)
        if values.dtype == object:
            raise OptionInvalid(f"column {name}", "text", "numbers")
        return np.asarray(values, dtype=np.float64)

    def is_category(self, name: str) -> bool:
        return name in self.categorical or self.column(name).dtype == object

    def labels(self, name: str) -> Column:
        """The column as text, object[n] with None for missing."""
        values = self.column(name)
        if values.dtype == object:
            return values
        return np.array([label(value) for value in values.tolist()], dtype=object)

    def levels(self, name: str) -> list[str]:
        """Distinct labels present: numbers in order of value, text in order of code points."""
        values = self.column(name)
        if values.dtype == object:
            return sorted({value for value in values.tolist() if value is not None})
        return [str(label(value)) for value in np.unique(values[~np.isnan(values)]).tolist()]

    def missing(self, name: str) -> BoolArray:
        values = self.column(name)
        if values.dtype == object:
            return np.array([value is None for value in values.tolist()], dtype=np.bool_)
        return np.asarray(np.isnan(values), dtype=np.bool_)

    def kept(self, mask: BoolArray) -> Table:
        columns = {name: values[mask] for name, values in self.columns.items()}
        return Table(self.source, int(mask.sum()), columns, set(self.categorical))


def label(value: Any) -> str | None:
    """A value as text the way the case files write categories: whole numbers without a decimal point."""
    if value is None or value != value:
        return None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return str(int(value)) if float(value).is_integer() else f"{value:.15g}"
    return str(value)


def read_table(path: Path) -> Table:
    """Read a CSV file (UTF-8, header); a column is numeric when all its non-missing cells are."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(str(path), str(error)) from error
    if not lines:
        raise FileUnreadable(str(path), "it is empty")
    header, body = lines[0], lines[1:]
    for number, line in enumerate(body, start=2):
        if len(line) != len(header):
            raise FileUnreadable(str(path), f"line {number} has {len(line)} cells, the header {len(header)}")
    columns = {name: _typed([line[place] for line in body]) for place, name in enumerate(header)}
    return Table(path.name, len(body), columns)


def _typed(cells: list[str]) -> Column:
    try:
        return np.array([np.nan if cell in MISSING else float(cell) for cell in cells], dtype=np.float64)
    except ValueError:
        return np.array([None if cell in MISSING else cell for cell in cells], dtype=object)


def holds(condition: Mapping[str, Any], table: Table) -> BoolArray:
    """Rows for which a condition holds, bool[n]; a missing value satisfies nothing."""
    if condition.get("all") is not None:
        result = np.ones(table.rows, dtype=np.bool_)
        for part in condition["all"]:
            result &= holds(part, table)
        return result
    name = str(condition["var"])
    present = ~table.missing(name)
    if "in" in condition:
        wanted = {label(value) for value in _listed(condition["in"])}
        found = np.array([value in wanted for value in table.labels(name).tolist()], dtype=np.bool_)
        return np.asarray(present & found)
    return np.asarray(present & _compared(table, name, str(condition["op"]), condition.get("value")))


def _compared(table: Table, name: str, operator: str, value: Any) -> BoolArray:
    if operator == "notna":
        return ~table.missing(name)
    if operator == "==":
        return np.array([one == label(value) for one in table.labels(name).tolist()], dtype=np.bool_)
    numbers = table.numbers(name)
    match operator:
        case ">=":
            return np.asarray(numbers >= value)
        case ">":
            return np.asarray(numbers > value)
        case "<=":
            return np.asarray(numbers <= value)
        case "<":
            return np.asarray(numbers < value)
    raise OptionInvalid("operator of a condition", operator, ">=, >, <=, <, ==, notna")


def derive(table: Table, specifications: Sequence[Mapping[str, Any]]) -> None:
    """Add the derived columns in order."""
    for one in specifications:
        name = str(one["name"])
        match one["type"]:
            case "indicator":
                values = holds(one["cond"], table).astype(np.float64)
                if one.get("na_from"):
                    values[table.missing(str(one["na_from"]))] = np.nan
                table.columns[name] = values
            case "factor":
                table.columns[name] = table.column(str(one["var"]))
                table.categorical.add(name)
            case "const":
                table.columns[name] = _constant(one["value"], table.rows)
            case "paste":
                parts = [table.labels(str(var)).tolist() for var in _listed(one["vars"])]
                joined = ["|".join("NA" if cell is None else cell for cell in row) for row in zip(*parts, strict=True)]
                table.columns[name] = np.array(joined, dtype=object)
            case "n_satisfied":
                table.columns[name] = satisfied(table, _listed(one["vars"]), _listed(one["values"])).sum(axis=1)
            case "n_valid":
                table.columns[name] = valid(table, _listed(one["vars"])).sum(axis=1)
            case other:
                allowed = "indicator, factor, const, paste, n_satisfied, n_valid"
                raise OptionInvalid("type of a derived column", other, allowed)


def satisfied(table: Table, names: Sequence[str], values: Sequence[Any]) -> FloatArray:
    """Indicators float64[n, items] of answers among `values`; zero where missing."""
    return np.column_stack([holds({"var": name, "in": values}, table) for name in names]).astype(np.float64)


def valid(table: Table, names: Sequence[str]) -> FloatArray:
    """Indicators float64[n, items] of answers that are there."""
    return np.column_stack([~table.missing(name) for name in names]).astype(np.float64)


def indicators(table: Table, name: str) -> tuple[list[str], FloatArray]:
    """A variable as columns of numbers: itself, or one indicator per category named variable + category (NaN where
    missing)."""
    if not table.is_category(name):
        return [name], table.numbers(name)[:, None]
    levels, cells = table.levels(name), table.labels(name)
    matrix = np.array([[float(cell == level) for level in levels] for cell in cells.tolist()])
    matrix = matrix.reshape(table.rows, len(levels))
    matrix[table.missing(name)] = np.nan
    return [name + level for level in levels], matrix


def listed(value: Any) -> list[Any]:
    """A JSON value that may stand alone or in a list, as a list."""
    return _listed(value)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _constant(value: Any, rows: int) -> Column:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return np.full(rows, float(value))
    return np.full(rows, label(value), dtype=object)
