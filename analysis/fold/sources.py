"""Where rows come from: columns in memory, Parquet files or CSV files, as tasks that a worker reads in small chunks."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from analysis.errors import ColumnMissing, DuplicateKey, FileUnreadable, LengthMismatch

CHUNK = 65_536  # rows that are worked on at once: they stay in the processor's cache
CSV_BLOCK = 8 * 1024 * 1024  # bytes


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows: the number of the first (0 is the first of the source) and its columns, numpy or Arrow arrays."""

    source: str
    first_row: int
    rows: int
    columns: Mapping[str, Any]


class Task(Protocol):
    """A piece of a source that can be sent to a worker and read there."""

    def chunks(self) -> Iterator[Chunk]: ...


class Source(Protocol):
    """Rows that can be read once, column by column."""

    def tasks(self, columns: Sequence[str]) -> Iterator[Task]: ...


@dataclass(frozen=True, eq=False)
class Arrays:
    """Columns in memory, numpy or Arrow arrays of the same length."""

    columns: Mapping[str, Any]
    rows_a_task: int = CHUNK
    rows_a_chunk: int = CHUNK

    def tasks(self, columns: Sequence[str]) -> Iterator[Task]:
        for name in columns:
            if name not in self.columns:
                raise ColumnMissing(name)
        chosen = {name: self.columns[name] for name in columns}
        rows = len(next(iter(chosen.values()))) if chosen else 0
        for name, column in chosen.items():
            if len(column) != rows:
                raise LengthMismatch(f"column {name}", rows, len(column))
        for start in range(0, rows, self.rows_a_task):
            part = {name: column[start : start + self.rows_a_task] for name, column in chosen.items()}
            yield ArraysTask(part, start, min(self.rows_a_task, rows - start), self.rows_a_chunk)


@dataclass(frozen=True, eq=False)
class ArraysTask:
    """A slice of columns in memory."""

    columns: Mapping[str, Any]
    first_row: int
    rows: int
    rows_a_chunk: int
    source: str = "the columns"

    def chunks(self) -> Iterator[Chunk]:
        for start in range(0, self.rows, self.rows_a_chunk):
            part = {name: column[start : start + self.rows_a_chunk] for name, column in self.columns.items()}
            yield Chunk(self.source, self.first_row + start, min(self.rows_a_chunk, self.rows - start), part)


@dataclass(frozen=True)
class Parquet:
    """Parquet files read one after the other, a row group a task; only the columns asked for leave the disk. `nulls`
    says for a column what an absent cell stands for."""

    paths: tuple[Path, ...]
    rows_a_chunk: int = CHUNK
    nulls: Mapping[str, Any] = field(default_factory=dict)

    def tasks(self, columns: Sequence[str]) -> Iterator[Task]:
        first_row = 0
        for path in self.paths:
            try:
                with pa_parquet.ParquetFile(path) as file:
                    names, sizes, texts = set(file.schema_arrow.names), _group_sizes(file), _texts(file)
            except (OSError, pa.ArrowException) as error:
                raise FileUnreadable(str(path), _reason(error)) from error
            for name in columns:
                if name not in names:
                    raise ColumnMissing(name, str(path))
            for group, rows in enumerate(sizes):
                yield ParquetTask(path, group, first_row, tuple(columns), texts, self.rows_a_chunk, self.nulls)
                first_row += rows


@dataclass(frozen=True)
class ParquetTask:
    """One row group of a Parquet file, opened where it is worked on."""

    path: Path
    group: int
    first_row: int
    columns: tuple[str, ...]
    texts: tuple[str, ...]  # read as dictionaries: each distinct label once
    rows_a_chunk: int
    nulls: Mapping[str, Any]

    def chunks(self) -> Iterator[Chunk]:
        start = self.first_row
        try:
            with pa_parquet.ParquetFile(self.path, read_dictionary=list(self.texts)) as file:
                batches = file.iter_batches(self.rows_a_chunk, row_groups=[self.group], columns=list(self.columns))
                for batch in batches:
                    columns = {name: self._filled(name, column) for name, column in _columns(batch).items()}
                    yield Chunk(str(self.path), start, batch.num_rows, columns)
                    start += batch.num_rows
        except (OSError, pa.ArrowException) as error:
            raise FileUnreadable(str(self.path), _reason(error)) from error

    def _filled(self, name: str, column: Any) -> Any:
        if name not in self.nulls or not column.null_count:
            return column
        value = pa.scalar(self.nulls[name])
        return (column.cast(value.type) if pa.types.is_null(column.type) else column).fill_null(value)


@dataclass(frozen=True)
class Csv:
    """CSV files in UTF-8 with a header, read in blocks; every column is text, but for the numbers named."""

    paths: tuple[Path, ...]
    numbers: frozenset[str]
    block: int = CSV_BLOCK
    rows_a_chunk: int = CHUNK

    def tasks(self, columns: Sequence[str]) -> Iterator[Task]:
        first_row = 0
        for path in self.paths:
            try:
                for batch in self._batches(path, columns):
                    yield ArraysTask(_columns(batch), first_row, batch.num_rows, self.rows_a_chunk, str(path))
                    first_row += batch.num_rows
            except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
                raise FileUnreadable(str(path), _reason(error)) from error

    def _batches(self, path: Path, columns: Sequence[str]) -> Iterator[Any]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
        for name in columns:
            if name not in header:
                raise ColumnMissing(name, str(path))
            if header.count(name) > 1:
                raise DuplicateKey(str(path), name)
        types = {name: pa.float64() if name in self.numbers else pa.string() for name in columns}
        convert = pa_csv.ConvertOptions(
            column_types=types, include_columns=list(columns), strings_can_be_null=False, null_values=[""],
        )  # fmt: skip
        read, parse = pa_csv.ReadOptions(block_size=self.block), pa_csv.ParseOptions(ignore_empty_lines=False)
        with pa_csv.open_csv(path, read, parse, convert) as reader:
            yield from reader


def _columns(batch: Any) -> Mapping[str, Any]:
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def _group_sizes(file: Any) -> list[int]:
    meta = file.metadata
    return [int(meta.row_group(group).num_rows) for group in range(meta.num_row_groups)]


def _texts(file: Any) -> tuple[str, ...]:
    schema = file.schema_arrow
    return tuple(
        field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    )


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def numbers(column: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """A numeric column as a numpy array; a null becomes NaN in a column of floats and 0 in one of integers."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not isinstance(column, pa.Array):
        return np.asarray(column)
    if column.null_count:
        column = column.fill_null(float("nan") if pa.types.is_floating(column.type) else 0)
    return np.asarray(column.to_numpy(zero_copy_only=False))
