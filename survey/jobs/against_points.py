"""Tells points that were imported after the seal of an index from those that were changed behind the log's back."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy.orm import Session

from survey.custody import statements
from survey.custody.broken import BundleBroken, Fault
from survey.custody.bundles import Opened
from survey.jobs import against_log

FILES = {"inputs.csv": False, "points.csv": True}  # whether the file's values are points
SET, IMPORT = "index.set", "index.import"
Key = tuple[str, str]
Line = dict[str, Any]


def are_imported(
    session: Session, bundle: Opened, told: Mapping[str, Any], sealed: Mapping[str, bytes], stands: Mapping[str, bytes]
) -> bool:
    """Whether every row that is not the sealed one was set by a logged import since; BundleBroken names the first that
    was not. False when nothing was imported since."""
    before, now, later = _lines(sealed), _lines(stands), _set(session, told)
    created = sum(detail["created"] for detail in _since(session, told, IMPORT))
    if not (later or created):
        return False
    added = [key for key in now if key not in before]
    for key in sorted({*before, *now}):
        was, found = before.get(key), now.get(key)
        if found is None:
            raise _broken(bundle, Fault.RECORD_MISSING, key, was, found)
        if was is None and len(added) > created:
            raise _broken(bundle, Fault.RECORD_ADDED, key, was, found)
        if was not in (None, found) and not _is_set(was, found, later.get(key)):
            raise _broken(bundle, Fault.RECORD_CHANGED, key, was, found)
    return True


def _lines(files: Mapping[str, bytes]) -> dict[Key, Line]:
    """The imported rows of both files by unit and code."""
    return {
        (row["unit"], row["code"]): {**row, "is_points": is_points}
        for name, is_points in FILES.items()
        for row in csv.DictReader(files.get(name, b"").decode("utf-8-sig").splitlines())
    }


def _set(session: Session, told: Mapping[str, Any]) -> dict[Key, Line]:
    """By row what imports made of it since."""
    found: dict[Key, Line] = {}
    for detail in _since(session, told, SET):
        key = (detail["unit"], detail["code"])
        found[key] = found.get(key, {}) | detail
    return found


def _since(session: Session, told: Mapping[str, Any], action: str) -> Iterator[dict[str, Any]]:
    return against_log.since(session, told, action, subject=f"{told['index']} {told['year']}")


def _is_set(was: Line | None, found: Line, later: Line | None) -> bool:
    if was is None or later is None:
        return False
    kind = later.get("is_points", was["is_points"])
    return found["is_points"] is kind and _number(found["value"]) == _number(later["value"])


def _number(text: str) -> Decimal | str:
    try:
        return round(Decimal(text), 6)  # as it is stored
    except InvalidOperation:
        return text


def _broken(bundle: Opened, fault: Fault, key: Key, was: Line | None, found: Line | None) -> BundleBroken:
    told = ("" if line is None else statements.short(line) for line in (was, found))
    return BundleBroken(bundle.name, fault, f"index_input ({' '.join(key)})", None, "", *told)
