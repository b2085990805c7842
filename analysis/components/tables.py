"""The tables of an extract as frozen columns, checked cell by cell and sorted by content (database order never counts).

Names of columns are those of the folder's files (CONTRACT: Extract); `class` is `class_` in Python.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.components.instrument import ScoredItem
from analysis.design import FloatArray
from analysis.errors import CellInvalid, ColumnMissing, DuplicateKey, LengthMismatch
from analysis.fold.coding import Scale, item_classes
from analysis.fold.sources import Chunk

NOT_APPLICABLE = ""
NOT_ANSWERED = "."
NO_POPULATION = ""  # an empty fpc: the stratum's population is not known, no finite population correction
TEXTS = ("phase", "mode", "rater", "unit", "stratum", "psu", "class", "flag")
NUMBERS = ("fpc", "weight_base")
HEAD = ("phase", "mode", "unit", "stratum", "psu", "fpc", "weight_base", "class", "flag")

MOST = 1e12  # of a count or a weight: no province has more, and squares of it still add up
LEAST = 1e-9  # of what has to be positive
MOST_TYPED = 1e18  # of a typed-in figure, which may be money
POSITIVE = f"a positive number of at most {MOST:g}"
UNIT_MARGIN = "unit"
MARGINS = (UNIT_MARGIN, "class")

MIXED = "other"  # in a manifest: the level of classes that mix levels of a trait, and of levels with too few answers

Cells = Sequence[str] | Sequence[float] | NDArray[Any]
Rows = NDArray[np.intp]
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", re.IGNORECASE)
Scales = Mapping[str, frozenset[str]]  # the codes of an item that may be answered


class Mode(StrEnum):
    """How an answer came in. Only the first four and the systematic top-up belong to the probability sample."""

    LINK = "link"
    INTERVIEWER = "interviewer"
    PAPER = "paper"
    PHONE = "phone"
    TOPUP = "topup"
    COUNTER = "counter"
    KIOSK = "kiosk"
    OPEN = "open"


INVITED = frozenset({Mode.LINK, Mode.INTERVIEWER, Mode.PAPER, Mode.PHONE})
SELF_SELECTED = frozenset({Mode.COUNTER, Mode.KIOSK, Mode.OPEN})


@dataclass(frozen=True, eq=False)
class Text:
    """A text column: codes int32[n] into its sorted distinct values."""

    codes: NDArray[np.int32]
    levels: tuple[str, ...]

    @staticmethod
    def of(values: Cells) -> Text:
        cells = [str(value) for value in values]
        levels = tuple(sorted(set(cells)))
        place = {level: number for number, level in enumerate(levels)}
        return Text(np.fromiter((place[cell] for cell in cells), dtype=np.int32, count=len(cells)), levels)

    def arrow(self) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(self.codes), pa.array(self.levels, pa.string()))

    def take(self, rows: Rows) -> Text:
        return Text(self.codes[rows], self.levels)

    def values(self) -> list[str]:
        return [self.levels[code] for code in self.codes.tolist()]

    def among(self, wanted: Sequence[str] | frozenset[Any]) -> NDArray[np.bool_]:
        """Say of every row whether its value is one of `wanted`, bool[n]."""
        kept = np.array([level in wanted for level in self.levels], dtype=np.bool_)
        return kept[self.codes] if len(self.levels) else np.zeros(0, dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Answers:
    """`answers.csv`: one row an answer (officials: one a rater and unit)."""

    texts: Mapping[str, Text]
    fpc: FloatArray
    weight_base: FloatArray
    items: Mapping[str, Text]

    @property
    def rows(self) -> int:
        return len(self.weight_base)

    @property
    def has_raters(self) -> bool:
        return "rater" in self.texts

    def __getitem__(self, name: str) -> Text:
        return self.texts[name]

    def take(self, rows: Rows) -> Answers:
        return Answers(
            {name: text.take(rows) for name, text in self.texts.items()},
            self.fpc[rows],
            self.weight_base[rows],
            {name: item.take(rows) for name, item in self.items.items()},
        )

    def header(self) -> tuple[str, ...]:
        head = (*HEAD[:2], "rater", *HEAD[2:]) if self.has_raters else HEAD
        return (*head, *self.items)


@dataclass(frozen=True, eq=False)
class ItemCells:
    """Coded item cells of n answers and k items: scale values int8[n, k] (0: none), and which are not applicable."""

    values: NDArray[np.int8]
    inapplicable: NDArray[np.bool_]
    satisfied: NDArray[np.bool_]


@dataclass(frozen=True, order=True)
class SampleRow:
    """`sample.csv`: what was drawn, kept, invited and answered in one class (officials: one rater group)."""

    unit: str
    stratum: str
    class_: str
    population: float
    drawn: int
    kept: int
    invited: int
    answered: int
    weight_sum: float


@dataclass(frozen=True, order=True)
class MarginRow:
    """`margins.csv`: dossiers of the frame, by unit (`margin` unit, level = unit) and by class."""

    margin: str
    unit: str
    level: str
    total: float


@dataclass(frozen=True, order=True)
class TraitRow:
    """`traits.csv` (may be absent): what all answers of a class share by the frame's rules, such as `timing` `late`."""

    unit: str
    class_: str
    trait: str
    level: str


@dataclass(frozen=True, order=True)
class InputRow:
    """`inputs.csv`: a typed-in figure (or typed-in points) of one unit and scheme part, with where it comes from."""

    unit: str
    code: str
    value: float
    source: str


Record = TypeVar("Record", SampleRow, MarginRow, InputRow, TraitRow)
KEYS: dict[type, int] = {SampleRow: 3, MarginRow: 3, InputRow: 2, TraitRow: 3}  # the first fields that must not repeat


def make_answers(
    columns: Mapping[str, Cells], items: Sequence[str], *, raters: bool, file: str, scales: Scales | None = None
) -> Answers:
    """Make the answers from columns of any order: every cell checked (items by `scales`), rows sorted by content.

    Raises ColumnMissing, LengthMismatch, CellInvalid.
    """
    head = check_header(list(columns), items, raters=raters, file=file)
    size = len(columns["unit"])
    for name, cells in columns.items():
        if len(cells) != size:
            raise LengthMismatch(f"{file} column {name}", size, len(cells))
    texts = {name: Text.of(columns[name]) for name in head if name in TEXTS}
    _check_levels(texts["mode"], frozenset(Mode), file, "mode")
    if "" in texts["phase"].levels:
        raise CellInvalid(file, texts["phase"].values().index("") + 2, "phase", "", "a phase of the wave")
    if raters:
        pairs = zip(texts["psu"].values(), texts["rater"].values(), strict=True)
        for row, (cluster, rater) in enumerate(pairs, start=2):
            if cluster not in ("", rater):
                raise CellInvalid(file, row, "psu", str(cluster), f"{rater}, as in column rater, or empty")
    fpc = _floats(columns["fpc"], file, "fpc", empty=math.inf)
    weight = _floats(columns["weight_base"], file, "weight_base", empty=None)
    answers = Answers(texts, fpc, weight, {name: Text.of(columns[name]) for name in items})
    for name, codes in (scales or {}).items():
        _check_levels(answers.items[name], codes | {NOT_APPLICABLE, NOT_ANSWERED}, file, name)
    return answers.take(_content_order(answers))


def check_header(names: Sequence[str], items: Sequence[str], *, raters: bool, file: str) -> tuple[str, ...]:
    """The contract's columns before the items. Raises ColumnMissing, and CellInvalid for a column that nobody knows."""
    head = (*HEAD[:2], "rater", *HEAD[2:]) if raters else HEAD
    for name in (*head, *items):
        if name not in names:
            raise ColumnMissing(name, file)
    extra = sorted(set(names) - set(head) - set(items))
    if extra:
        raise CellInvalid(file, 1, extra[0], "", "a column of the contract or an item of the instrument")
    return head


def item_cells(answers: Answers, items: Sequence[ScoredItem], satisfied: frozenset[str]) -> ItemCells:
    """The answers to the scored items, row by row; an answer outside its scale is refused (CellInvalid)."""
    shape = (answers.rows, len(items))
    cells = ItemCells(np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_))
    for place, item in enumerate(items):
        column = answers.items[item.code]
        scale = Scale(item.steps, frozenset(step for step in range(1, item.steps + 1) if str(step) in satisfied))
        classes = item_classes(Chunk("answers.csv", 1, answers.rows, {item.code: column.arrow()}), item.code, scale)
        cells.inapplicable[:, place] = classes > item.steps
        cells.values[:, place] = np.where(cells.inapplicable[:, place], 0, classes)
        cells.satisfied[:, place] = np.isin(classes, sorted(scale.satisfied))
    return cells


def make_records(kind: type[Record], columns: Mapping[str, Cells], *, file: str) -> tuple[Record, ...]:
    """Make the rows of a small table from columns by name, sorted. Raises ColumnMissing, CellInvalid, DuplicateKey."""
    names = [field.name for field in fields(kind)]
    for name in names:
        if name.rstrip("_") not in columns:
            raise ColumnMissing(name.rstrip("_"), file)
    read = [_typed(str(field.type), columns[field.name.rstrip("_")], file, field.name) for field in fields(kind)]
    records = [kind(*cells) for cells in zip(*read, strict=True)]
    for row, record in enumerate(records, start=2):
        for column, cell, fits, allowed in _wanted(record):
            if not fits:
                raise CellInvalid(file, row, column, str(cell), allowed)
    records.sort()
    keys = [tuple(getattr(one, name) for name in names[: KEYS[kind]]) for one in records]
    for key, following in pairwise(keys):
        if key == following:
            raise DuplicateKey(file, ", ".join(key))
    return tuple(records)


def _wanted(row: SampleRow | MarginRow | InputRow | TraitRow) -> Iterator[tuple[str, object, bool, str]]:
    """What a row must be in itself: column, cell, whether it fits, and what is allowed."""
    if isinstance(row, SampleRow):
        yield "kept", row.kept, row.kept <= row.drawn, f"at most the {row.drawn} drawn"
        yield "invited", row.invited, row.invited <= row.kept, f"at most the {row.kept} kept"
        yield (
            "population",
            number_text(row.population),
            row.population >= max(row.answered, row.drawn),
            f"{max(row.answered, row.drawn)} or more, as were drawn",
        )
        yield "weight_sum", row.weight_sum, row.weight_sum >= 0, "0 or more"
    elif isinstance(row, TraitRow):
        yield "trait", row.trait, row.trait != "", "a name"
        yield "level", row.level, row.level not in ("", MIXED), f"a name, not {MIXED!r} (what small levels become)"
    elif isinstance(row, MarginRow):
        yield "margin", row.margin, row.margin in MARGINS, ", ".join(MARGINS)
        yield "level", row.level, row.margin != UNIT_MARGIN or row.level == row.unit, f"{row.unit}, as in column unit"
        yield "total", number_text(row.total), row.total >= 0, "0 or more"


def read_number(cell: object) -> float:
    """A number, or a text that is one in plain ASCII digits (as `number_text` writes it). Raises ValueError."""
    if isinstance(cell, str) and not NUMBER.fullmatch(cell):
        raise ValueError(cell)
    return float(cell)  # type: ignore[arg-type]


def number_text(value: float) -> str:
    """The shortest text that reads back as the same float64; whole numbers without a point, unknown (inf) empty."""
    if math.isinf(value):
        return NO_POPULATION
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))


def _typed(kind: str, cells: Cells, file: str, name: str) -> list[Any]:
    if kind == "str":
        return [str(cell) for cell in cells]
    most = MOST_TYPED if name == "value" else MOST
    values = _floats(cells, file, name, empty=None, positive=False, most=most)
    if kind == "float":
        return list(values.tolist())
    for row, value in enumerate(values.tolist(), start=2):
        if value != int(value) or value < 0:
            raise CellInvalid(file, row, name, str(value), "a whole number, 0 or more")
    return [int(value) for value in values.tolist()]


def _floats(
    cells: Cells, file: str, name: str, *, empty: float | None, positive: bool = True, most: float = MOST
) -> FloatArray:
    out = np.empty(len(cells))
    for row, cell in enumerate(cells):
        try:
            value = empty if cell == "" and empty is not None else read_number(cell)
        except (TypeError, ValueError):
            value = math.nan
        fits = value is not None and (value == empty or (abs(value) <= most and (value >= LEAST or not positive)))
        if value is None or not fits:
            raise CellInvalid(file, row + 2, name, str(cell), POSITIVE if positive else f"a number of at most {most:g}")
        out[row] = value
    return out


def _check_levels(text: Text, allowed: frozenset[Any], file: str, name: str) -> None:
    for number, level in enumerate(text.levels):
        if level not in allowed:
            row = int(np.argmax(text.codes == number)) + 2
            raise CellInvalid(
                file, row, name, level, ", ".join(repr(one) if one < "0" else one for one in sorted(allowed))
            )


def _content_order(answers: Answers) -> Rows:
    keys: list[NDArray[Any]] = []
    for name in answers.header():
        if name in NUMBERS:
            keys.append(answers.fpc if name == "fpc" else answers.weight_base)
        else:
            keys.append((answers.texts.get(name) or answers.items[name]).codes)
    return np.lexsort(keys[::-1]) if answers.rows else np.zeros(0, dtype=np.intp)
