"""Where the answers of an extract are: held in memory, or in a file of the folder that is read when it is asked for."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from analysis.components.folder_files import answers_bytes, read_columns, read_parquet
from analysis.components.tables import NUMBERS, Answers, Scales, check_header, make_answers
from analysis.errors import AnalysisError, CellInvalid, FileUnreadable
from analysis.fold.sources import Arrays, Csv, Parquet, Source

CSV, PARQUET = "answers.csv", "answers.parquet"  # the same columns, the same digits


class AnswerFile(Protocol):
    """The answers of an extract, to be counted in one pass or looked at one by one."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def answers(self) -> Answers: ...
    def source(self) -> Source: ...


@dataclass(frozen=True, eq=False)
class Held:
    """Answers in memory, checked and sorted; as a file they are `answers.csv`."""

    answers: Answers
    name: str = CSV

    @cached_property
    def data(self) -> bytes:
        return answers_bytes(self.answers)

    @cached_property
    def digest(self) -> str:
        return sha256(self.data).hexdigest()

    def source(self) -> Source:
        columns = {name: text.arrow() for name, text in {**self.answers.texts, **self.answers.items}.items()}
        return Arrays({**columns, "fpc": self.answers.fpc, "weight_base": self.answers.weight_base})


@dataclass(frozen=True, eq=False)
class Stored:
    """Answers in a file whose SHA-256 was verified; make it with `stored`."""

    path: Path
    digest: str
    items: tuple[str, ...]
    raters: bool
    scales: Scales

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def answers(self) -> Answers:
        read = read_parquet if self.name == PARQUET else read_columns
        columns = read(self.data, self.name)
        return make_answers(columns, self.items, raters=self.raters, file=self.name, scales=self.scales)

    def source(self) -> Source:
        if self.name == CSV:
            return Csv((self.path,), frozenset())
        texts = {name: "" for name, kind in _columns(self.path).items() if kind == pa.string()}
        return Parquet((self.path,), nulls={"fpc": math.inf, **texts})


def stored(path: Path, digest: str, items: Sequence[str], *, raters: bool, scales: Scales) -> Stored:
    """A file of answers whose header fits: the contract's columns and the instrument's items, as text but for numbers.

    Raises ColumnMissing, CellInvalid, FileUnreadable.
    """
    if path.name == CSV:
        check_header(_csv_header(path), items, raters=raters, file=path.name)
        return Stored(path, digest, tuple(items), raters, scales)
    columns = _columns(path)
    check_header(list(columns), items, raters=raters, file=path.name)
    for name, kind in columns.items():
        if kind != pa.string() and name not in NUMBERS:
            raise CellInvalid(path.name, 1, name, str(kind), "a column of text, as in answers.csv")
    return Stored(path, digest, tuple(items), raters, scales)


def refusal(file: AnswerFile, error: FileUnreadable) -> AnalysisError:
    """What to say of a file that could not be counted: which row is no row of the table, or the reason as it came."""
    return (_wrong_row(file.path) if isinstance(file, Stored) and file.name == CSV else None) or FileUnreadable(
        file.name, error.reason
    )


def _wrong_row(path: Path) -> CellInvalid | FileUnreadable | None:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            width = len(next(rows, []))
            for number, row in enumerate(rows, start=2):
                if len(row) != width:
                    return CellInvalid(path.name, number, "", f"{len(row)} cells", f"{width} cells as in the header")
    except csv.Error as error:
        return FileUnreadable(path.name, f"line {rows.line_num} is not CSV ({error})")
    except UnicodeDecodeError:
        return None
    return None


def _columns(path: Path) -> dict[str, pa.DataType]:
    """Columns of a Parquet file and their types, every kind of text (and nothing at all) as text."""
    try:
        schema = pa_parquet.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise FileUnreadable(path.name, f"it is not Parquet ({str(error).splitlines()[0]})") from error
    return {field.name: pa.string() if _is_text(field.type) else field.type for field in schema}


def _is_text(kind: pa.DataType) -> bool:
    own = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(own) or pa.types.is_large_string(own) or pa.types.is_null(own))


def _csv_header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except UnicodeDecodeError as error:
        raise FileUnreadable(path.name, f"it is not UTF-8 (byte {error.start})") from error
    if not header or len(set(header)) != len(header):
        raise FileUnreadable(path.name, "its first row is not a header of distinct names")
    return header
