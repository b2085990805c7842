"""Canonical bytes of the extract's tables: UTF-8, comma, LF, rows as sorted, and back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from typing import Any

from analysis.components.tables import NUMBERS, Answers, InputRow, MarginRow, SampleRow, TraitRow, number_text
from analysis.errors import CellInvalid, FileUnreadable

SMALL = {"sample.csv": SampleRow, "margins.csv": MarginRow, "inputs.csv": InputRow}
OPTIONAL = {"traits.csv": TraitRow}  # a folder may do without


def answers_bytes(answers: Answers) -> bytes:
    """`answers.csv` of the answers."""
    columns: list[list[str]] = []
    for name in answers.header():
        if name in NUMBERS:
            values = answers.fpc if name == "fpc" else answers.weight_base
            columns.append([number_text(value) for value in values.tolist()])
        else:
            columns.append((answers.texts.get(name) or answers.items[name]).values())
    return _csv(answers.header(), zip(*columns, strict=True))


def records_bytes(kind: type, records: Sequence[Any]) -> bytes:
    """A small table's file."""
    header = [field.name.rstrip("_") for field in fields(kind)]
    return _csv(header, ([_cell(cell) for cell in astuple(record)] for record in records))


def read_columns(data: bytes, file: str) -> dict[str, list[str]]:
    """The columns of a CSV file by name; raises FileUnreadable and CellInvalid (a row of another length)."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileUnreadable(file, f"it is not UTF-8 (byte {error.start})") from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, [])
        if not header or len(set(header)) != len(header):
            raise FileUnreadable(file, "its first row is not a header of distinct names")
        body = list(rows)
    except csv.Error as error:
        raise FileUnreadable(file, f"line {rows.line_num} is not CSV ({error})") from error
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise CellInvalid(file, number, "", f"{len(row)} cells", f"{len(header)} cells as in the header")
    columns = list(map(list, zip(*body, strict=True))) if body else [[] for _ in header]
    return dict(zip(header, columns, strict=True))


def read_parquet(data: bytes, file: str) -> dict[str, list[Any]]:
    """The columns of a Parquet file by name; an absent cell of it is an empty one of the CSV."""
    from pyarrow import ArrowException, BufferReader, parquet

    try:
        table = parquet.read_table(BufferReader(data))
    except ArrowException as error:
        raise FileUnreadable(file, f"it is not Parquet ({error})") from error
    return {
        name: ["" if cell is None else cell for cell in table.column(name).to_pylist()] for name in table.column_names
    }


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """A JSON object as it is hashed: sorted keys, two spaces, UTF-8, LF."""
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False) + "\n").encode()


def read_json(data: bytes, file: str) -> dict[str, Any]:
    """One JSON object; raises FileUnreadable."""
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FileUnreadable(file, f"it is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise FileUnreadable(file, "it is not a JSON object")
    return value


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else number_text(value)


def _csv(header: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()
