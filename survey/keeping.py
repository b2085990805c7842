"""What is kept, why and until when, as data: `survey/data/privacy.toml` gives every table and column its reason."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from survey import resources
from survey.datafile import Words


class Deadline(StrEnum):
    """Until when something is kept; what has days is deleted by `hailong purge`."""

    CLOSE = "close"
    EXPIRED = "expired"
    SET_ASIDE = "set_aside"
    UNOPENED = "unopened"
    FRAME = "frame"
    WORDS = "words"
    ACCOUNT = "account"
    KEPT = "kept"
    LOG = "log"
    FOR_EVER = "for_ever"


@dataclass(frozen=True)
class Entry:
    """One column: what its table and itself are for, and until when it is kept."""

    table: str
    column: str
    group: Words
    purpose: Words
    deadline: Deadline
    until: Words


def entry(table: str, column: str) -> Entry | None:
    """The reason of a column; None where nobody gave one."""
    told = _source()
    listed = told["table"].get(table)
    if listed is None:
        return None
    found = listed["columns"].get(column) or told["everywhere"].get(column)
    if found is None:
        return None
    purpose, deadline = found[:2], Deadline((*found, listed["deadline"])[2])
    pairs = tuple(zip(("vi", "en"), purpose, strict=True))
    return Entry(table, column, _words(listed), Words(pairs), deadline, _words(told["deadline"][deadline]))


def listed() -> set[tuple[str, str]]:
    """Every table and column that has a reason of its own."""
    return {(name, column) for name, table in _source()["table"].items() for column in table["columns"]}


def days() -> dict[Deadline, int]:
    """How long what is not deleted at once is kept, by the deadlines that have days."""
    return {Deadline(name): told["days"] for name, told in _source()["deadline"].items() if "days" in told}


def version() -> str:
    return str(_source()["version"])


def _words(told: dict[str, Any]) -> Words:
    return Words((("vi", told["vi"]), ("en", told["en"])))


@cache
def _source() -> dict[str, Any]:
    return tomllib.loads(resources.data("privacy.toml").read_text(encoding="utf-8"))
