"""Writes a bundle's workbook again, and names the first cell that comes out otherwise."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from typing import Any

import python_calamine as calamine

from analysis.extract import Scores
from survey.custody import statements
from survey.custody.broken import BundleBroken, Fault
from survey.scheme import Scheme
from survey.stages import exports

XLSX = "scores.xlsx"
CREATED = re.compile(rb"<dcterms:created[^>]*>([^<]+)<")
PROPERTIES = "docProps/core.xml"


def require(folder: Path, scores: Scores, schemes: Sequence[Scheme], told: Mapping[str, Any], bundle: str) -> None:
    """Cell for cell, and part for part where the same library wrote it. `told` is the statement, empty without one."""
    sealed = folder / XLSX
    if not sealed.is_file():
        return
    try:
        stands = zipfile.ZipFile(sealed)
        about = _about(scores, schemes, told.get("made_at") or _created(stands))
        made = BytesIO()
        exports.write_xlsx(about, [row.as_dict() for row in scores.rows], made)
        _require_cells(sealed.read_bytes(), made.getvalue(), bundle)
    except (zipfile.BadZipFile, calamine.CalamineError, KeyError, ValueError) as error:
        raise BundleBroken(bundle, Fault.OTHER_DIGITS, XLSX, found=str(error)[:80]) from error
    writer = told.get("code", {}).get("libraries", {}).get("xlsxwriter")
    if writer == version("xlsxwriter"):
        _require_parts(stands, zipfile.ZipFile(made), bundle)


def _about(scores: Scores, schemes: Sequence[Scheme], made_at: str) -> exports.About:
    facts = scores.facts
    year = (f"{facts['year']}-01-01", f"{facts['year']}-12-31")
    return exports.About(
        wave=facts["wave"],
        kind=str(facts["kind"]),
        audience=str(facts["audience"]),
        province=facts.get("province", {}).get("code", ""),
        period=(facts.get("period_from", year[0]), facts.get("period_to", year[1])),
        made_at=datetime.fromisoformat(made_at).astimezone(UTC),
        extract_digest=facts["extract"],
        code_version=facts["code_version"],
        schemes=tuple(schemes),
        facts=facts,
    )


def _created(book: zipfile.ZipFile) -> str:
    """The run's instant as the workbook says it: statements of before did not."""
    found = CREATED.search(book.read(PROPERTIES))
    return found[1].decode() if found else ""


def _require_cells(sealed: bytes, made: bytes, bundle: str) -> None:
    before, now = (calamine.CalamineWorkbook.from_filelike(BytesIO(data)) for data in (sealed, made))
    if before.sheet_names != now.sheet_names:
        raise _other(bundle, XLSX, None, "", ", ".join(before.sheet_names), ", ".join(now.sheet_names))
    for number, name in enumerate(now.sheet_names):
        nothing: list[Any] = []
        rows = zip_longest(_rows(before, number), _rows(now, number), fillvalue=nothing)
        heads = nothing
        for place, (stated, found) in enumerate(rows, start=1):
            heads = heads or found
            for column, (one, other) in enumerate(zip_longest(stated, found, fillvalue="")):
                if one != other:
                    head = str(heads[column]) if column < len(heads) else str(column + 1)
                    raise _other(bundle, f"{XLSX} ({name})", place, head, str(one), str(other))


def _rows(book: calamine.CalamineWorkbook, sheet: int) -> Iterator[list[Any]]:
    return iter(book.get_sheet_by_index(sheet).to_python(skip_empty_area=False))


def _require_parts(sealed: zipfile.ZipFile, made: zipfile.ZipFile, bundle: str) -> None:
    """What no cell says: number formats, hidden rows and columns, anything put in."""
    names = [sorted(book.namelist()) for book in (sealed, made)]
    for name in sorted({*names[0], *names[1]}):
        if names[0].count(name) != 1 or names[1].count(name) != 1 or sealed.read(name) != made.read(name):
            raise _other(bundle, f"{XLSX} ({name})", None, "", "", "")


def _other(bundle: str, file: str, row: int | None, field: str, expected: str, found: str) -> BundleBroken:
    return BundleBroken(
        bundle, Fault.OTHER_DIGITS, file, row, field, statements.short(expected), statements.short(found)
    )  # fmt: skip
