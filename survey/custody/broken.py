"""What is wrong with a sealed bundle: the first thing that is not as it was sealed, named as closely as it can be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from survey.errors.common import SurveyError


class Fault(StrEnum):
    """In which way something is not what was sealed."""

    NOT_A_BUNDLE = "not_a_bundle"  # nothing here is a seal or a results folder
    UNSEALED = "unsealed"  # half written, or a results folder that was never sealed
    CUT_OFF = "cut_off"  # the end is missing
    CHANGED = "changed"
    REWRITTEN = "rewritten"  # the same content, other bytes
    FIELD_CHANGED = "field_changed"
    FIELD_MISSING = "field_missing"
    FIELD_ADDED = "field_added"
    SIGNATURE = "signature_wrong"
    FOREIGN = "foreign_key"
    FILE_MISSING = "file_missing"
    FILE_ADDED = "file_added"
    FILE_TWICE = "file_twice"
    ROW_CHANGED = "row_changed"
    ROW_MISSING = "row_missing"
    ROW_ADDED = "row_added"
    ROWS_MOVED = "rows_moved"
    PACKING = "packing_changed"  # the archive around the files
    OTHER_DIGITS = "other_digits"  # computed again, a figure comes out otherwise
    RECORD_CHANGED = "record_changed"  # the site's database holds something else than the bundle
    RECORD_MISSING = "record_missing"
    RECORD_ADDED = "record_added"


@dataclass(eq=False)
class BundleBroken(SurveyError):
    """A bundle that is not as it was sealed; `row` counts the header as 1, `field` is a column or a key."""

    bundle: str
    fault: Fault
    file: str = ""
    row: int | None = None
    field: str = ""
    expected: str = ""
    found: str = ""
