"""Why a whole list was refused, before a row of it was used."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Why a whole file was refused."""

    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    BINARY = "binary"
    NOT_UTF8 = "not_utf8"
    NOT_ENCODED = "not_encoded"
    BROKEN_CSV = "broken_csv"
    OLD_EXCEL = "old_excel"
    BROKEN_WORKBOOK = "broken_workbook"
    UNSAFE_WORKBOOK = "unsafe_workbook"
    MERGED_CELLS = "merged_cells"
    NO_SHEET = "no_sheet"
    COLUMN_MISSING = "column_missing"
    COLUMN_UNKNOWN = "column_unknown"
    COLUMN_TWICE = "column_twice"
