"""A scheme's text as a form: the values that a person may change, each under the place that faults name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.exceptions import TOMLKitError

from survey.datafile import Words

HEAD = ("code", "version", "legal_basis", "status", "name.vi", "name.en")
UNREADABLE = (TOMLKitError, KeyError, TypeError, AttributeError)
STEPS = ("area", "criterion", "component")
PARTS = ("name.vi", "name.en", "max")


@dataclass(frozen=True)
class Line:
    """An area, criterion or component of the form: its place, how deep it lies, its code and its fields by key."""

    place: str
    depth: int
    code: str
    fields: Mapping[str, str]

    @property
    def name(self) -> Words:
        return Words((("vi", self.fields["name.vi"]), ("en", self.fields["name.en"])))


def head_of(text: str) -> dict[str, str]:
    """The values at the top of the file by key."""
    document = tomlkit.parse(text)
    return {key: _text(_at(document, key)) for key in HEAD}


def lines_of(text: str) -> list[Line]:
    """Every area, criterion and component in the file's order."""
    return list(_lines(tomlkit.parse(text), "", 0))


def _lines(table: Any, place: str, depth: int) -> Iterator[Line]:
    if depth == len(STEPS):
        return
    for number, inner in enumerate(table.get(STEPS[depth], []), start=1):
        here = f"{place}.{STEPS[depth]}[{number}]" if place else f"{STEPS[depth]}[{number}]"
        yield Line(here, depth, str(inner["code"]), {key: _text(_at(inner, key)) for key in PARTS})
        yield from _lines(inner, here, depth + 1)


def changed(text: str, values: Mapping[str, str]) -> str:
    """The text with the form's values in it; comments, rules and everything else stay as they are."""
    document = tomlkit.parse(text)
    for key in HEAD:
        _put(document, key, values.get(key))
    _change(document, "", 0, values)
    return tomlkit.dumps(document)


def _change(table: TOMLDocument | Any, place: str, depth: int, values: Mapping[str, str]) -> None:
    if depth == len(STEPS):
        return
    for number, inner in enumerate(table.get(STEPS[depth], []), start=1):
        here = f"{place}.{STEPS[depth]}[{number}]" if place else f"{STEPS[depth]}[{number}]"
        for key in PARTS:
            _put(inner, key, values.get(f"{here}.{key}"))
        _change(inner, here, depth + 1, values)


def _at(table: Any, key: str) -> Any:
    for part in key.split("."):
        table = table.get(part, {}) if hasattr(table, "get") else {}
    return table


def _put(table: Any, key: str, value: str | None) -> None:
    """Write a value where it differs; a number that nobody can read is left to the check as text."""
    if value is None or value.strip() == _text(_at(table, key)):
        return
    *path, last = key.split(".")
    for part in path:
        table = table.setdefault(part, tomlkit.inline_table())
    table[last] = _number(value) if last == "max" else value.strip()


def _number(value: str) -> int | float | str:
    plain = value.strip().replace(" ", "").replace(",", ".")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return value.strip()
    return int(number) if number == number.to_integral_value() else float(number)


def _text(value: Any) -> str:
    return "" if isinstance(value, dict) and not value else str(value)
