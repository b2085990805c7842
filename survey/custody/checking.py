"""Checks a bundle without a database: is it whole, and if not, what is the first thing that is not as it was sealed."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from survey.custody import archive, bundles, marks, statements
from survey.custody.broken import BundleBroken, Fault
from survey.custody.bundles import MARKS, Opened

MANIFEST = "manifest.json"
KEY_OF_LINE = re.compile(r'\s*"?([\w./-]+)"?\s*[:=]')
TWIN = "scores.csv"  # the rows of scores.json, cell by cell


@dataclass(frozen=True)
class Checked:
    """A bundle, or a results folder (`statement` and `digest` None), in which nothing was changed; `digest` is the
    seal's own, as reports print it."""

    statement: Mapping[str, Any] | None
    files: int
    digest: str | None = None

    @property
    def has_inventory(self) -> bool:
        """Whether a site's tables can be held against it one by one; bundles of before had none."""
        return self.statement is not None and bundles.INVENTORY in self.statement["files"]


def check(bundle: Opened, *, public: bytes | None) -> Checked:
    """Raises BundleBroken with the first thing that was changed; without a `public` key whose seal it is stays open."""
    if statements.FILE not in bundle.names:
        if MANIFEST in bundle.names and public is None:
            return check_folder(bundle)
        raise BundleBroken(bundle.name, Fault.UNSEALED if bundle.names else Fault.NOT_A_BUNDLE, statements.FILE)
    told = _statement(bundle, public)
    stated: dict[str, Any] = told["files"]
    for name in sorted(set(stated) - set(bundle.names)):
        raise BundleBroken(bundle.name, Fault.FILE_MISSING, name)
    for name in sorted(set(bundle.names) - set(stated) - {statements.FILE}):
        raise BundleBroken(bundle.name, Fault.FILE_ADDED, name)
    for name in sorted(stated):
        if not _is_as_stated(bundle.folder / name, stated[name]):
            raise _named(bundle, name, stated)
    if not bundle.whole:
        raise BundleBroken(bundle.name, Fault.PACKING)
    return Checked(told, len(stated), archive.sha256(bundle.folder / statements.FILE))


def check_folder(bundle: Opened) -> Checked:
    """A results folder or extract that is not sealed: every file is what its manifest says."""
    try:
        hashes = json.loads((bundle.folder / MANIFEST).read_text(encoding="utf-8"))["hashes"]
        named = sorted(hashes.items())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleBroken(bundle.name, Fault.CHANGED, MANIFEST) from error
    for name, expected in named:
        if not bundles.is_inside(name) or not (bundle.folder / name).is_file():
            raise BundleBroken(bundle.name, Fault.FILE_MISSING, name)
        if archive.sha256(bundle.folder / name) != expected:
            raise BundleBroken(bundle.name, Fault.CHANGED, name)
    return Checked(None, len(named))


def _statement(bundle: Opened, public: bytes | None) -> dict[str, Any]:
    """The signed statement; where its list of files is what was changed, the file that the change was for is named."""
    try:
        return statements.read((bundle.folder / statements.FILE).read_bytes(), bundle=bundle.name, public=public)
    except BundleBroken as broken:
        if broken.fault is not Fault.FIELD_CHANGED or broken.field != "files":
            raise
        made = _marks(bundle)
        for name, one in sorted(made.items()):
            if (bundle.folder / name).is_file():
                found = marks.difference(bundle.folder / name, one)
                if found.fault is not Fault.REWRITTEN:
                    raise _told(bundle, name, found) from broken
        raise


def _is_as_stated(file: Path, stated: Mapping[str, Any]) -> bool:
    return bool(file.stat().st_size == stated["bytes"] and archive.sha256(file) == stated["sha256"])


def _named(bundle: Opened, name: str, stated: Mapping[str, Any]) -> BundleBroken:
    """The first row and column of a changed file, as far as its marks tell them."""
    made = _marks(bundle) if MARKS in stated and _is_as_stated(bundle.folder / MARKS, stated[MARKS]) else {}
    if name not in made:
        cut = (bundle.folder / name).stat().st_size < stated[name]["bytes"]
        return BundleBroken(bundle.name, Fault.CUT_OFF if cut else Fault.CHANGED, name)
    broken = _told(bundle, name, marks.difference(bundle.folder / name, made[name]))
    twin = bundle.folder / name
    if twin.suffix == ".json" and TWIN in stated and _is_as_stated(twin.with_name(TWIN), stated[TWIN]):
        return _beside_twin(broken, twin, twin.with_name(TWIN))
    return broken


def _marks(bundle: Opened) -> dict[str, Any]:
    try:
        files = json.loads((bundle.folder / MARKS).read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return files if isinstance(files, dict) else {}


def _told(bundle: Opened, name: str, found: marks.Difference) -> BundleBroken:
    broken = BundleBroken(bundle.name, found.fault, name, found.row, found.field)
    if found.fault is not Fault.ROW_CHANGED or found.row is None:
        return broken
    path = bundle.folder / name
    if path.suffix in marks.TABLES:
        return replace(broken, found=_cell(path, found.row, found.field))
    line = _line(path, found.row)
    key = KEY_OF_LINE.match(line)
    return replace(broken, field=key[1] if key else "", found=statements.short(line.strip()))


def _cell(table: Path, row: int, column: str) -> str:
    """What stands in a cell of a table now; nothing where several columns were changed."""
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        rows = csv.reader(text)
        header = next(rows, [])
        cells = next(islice(rows, row - 2, None), []) if row > 1 else header
    return cells[header.index(column)] if column in header and header.index(column) < len(cells) else ""


def _line(file: Path, row: int) -> str:
    with file.open(encoding="utf-8", errors="replace", newline="") as text:
        return next(islice(text, row - 1, None), "")


def _beside_twin(broken: BundleBroken, file: Path, twin: Path) -> BundleBroken:
    """A row of scores.json holds the cells of a row of scores.csv: the first that differs is named with both values."""
    if broken.fault is not Fault.ROW_CHANGED or broken.row is None:
        return broken
    try:
        row = json.loads(_line(file, broken.row).rstrip().rstrip(","))
        before = _lines_before_rows(file)
    except ValueError:
        return broken
    with twin.open(encoding="utf-8-sig", newline="") as text:
        sealed = next(islice(csv.DictReader(text), broken.row - 1 - before, None), {})
    for name, value in sealed.items():
        if isinstance(row, dict) and str(row.get(name) or "") != value.removeprefix("'"):
            return replace(broken, field=name, expected=value, found=str(row.get(name)))
    return broken


def _lines_before_rows(file: Path) -> int:
    with file.open(encoding="utf-8", errors="replace") as text:
        return next((number for number, line in enumerate(text, start=1) if '"rows": [' in line), 0)
