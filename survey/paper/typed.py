"""What a clerk types from a sheet: one short text for each question, read into the answer that the page would store.

Each box of a printed list has a number: its code where the codes are numbers, else its place in the list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from survey import answers as answering
from survey.answers import CONSENT, FORWARD, LONGEST, MARK, NOT_APPLICABLE, YES, Refused, Wrong
from survey.instrument import Instrument, Item, ItemType

ZERO, DASH, TICKED = "0", "-", "1"
BETWEEN = re.compile(r"[\s,;+]+")


class Part(StrEnum):
    """What a line of the sheet is for: the answer itself, the words beside a choice, a tick that goes with it."""

    ANSWER = "answer"
    WORDS = "words"
    CONSENT = "consent"
    FORWARD = "forward"


TICKS = frozenset({Part.CONSENT, Part.FORWARD})


@dataclass(frozen=True)
class Line:
    """One text box of the entry, in the order of the sheet; `choice` is the code that its words go with."""

    name: str
    item: Item
    part: Part
    choice: str = ""


@dataclass(frozen=True)
class Typed:
    """What was typed, as answers, and what was refused by the name of its line."""

    answers: Mapping[str, str]
    faults: Mapping[str, Wrong]


def in_order(instrument: Instrument) -> tuple[Item, ...]:
    """The items as the sheet prints them."""
    return tuple(item for page in instrument.pages() for item in page.items)


def lines_of(instrument: Instrument) -> tuple[Line, ...]:
    """Every text box of the entry."""
    found: list[Line] = []
    for item in in_order(instrument):
        if item.consent:
            found.append(Line(f"{item.code}{MARK}{CONSENT}", item, Part.CONSENT))
        found.append(Line(item.code, item, Part.ANSWER))
        if item.forward:
            found.append(Line(f"{item.code}{MARK}{FORWARD}", item, Part.FORWARD))
        words = (choice.code for choice in item.choices if choice.other)
        found += [Line(f"{item.code}{MARK}{code}", item, Part.WORDS, code) for code in words]
    return tuple(found)


def box_numbers(item: Item) -> dict[str, str]:
    """The number beside the box of each choice, by the choice's code."""
    if all(code.isascii() and code.isdecimal() for code in item.codes):
        return {code: code for code in item.codes}
    return {code: str(place) for place, code in enumerate(item.codes, start=1)}


def not_applicable_sign(item: Item) -> str:
    """What is printed beside the box of "not applicable", which stands apart; empty where there is none."""
    if not item.na:
        return ""
    return DASH if ZERO in box_numbers(item).values() else ZERO


def read(instrument: Instrument, typed: Mapping[str, str]) -> Typed:
    """The answers of a sheet; a line left empty is a question left open."""
    answers: dict[str, str] = {}
    faults: dict[str, Wrong] = {}
    for line in lines_of(instrument):
        text = typed.get(line.name, "").strip()
        try:
            value = _value(line, text) if text else ""
        except Refused as refused:
            faults[line.name] = refused.wrong
        else:
            answers |= {line.name: value} if value else {}
    return Typed(answers, faults)


def _value(line: Line, text: str) -> str:
    if line.part in TICKS:
        if text != TICKED:
            raise Refused(Wrong.NOT_OFFERED)
        return YES
    if line.part is Part.WORDS:
        return answering.line(text, LONGEST[ItemType.TEXT])
    if not line.item.is_choosing:
        return answering.value_of(line.item, [text])
    words = BETWEEN.split(text.strip(" ,;+")) if line.item.type is ItemType.MULTIPLE else [text]
    return answering.value_of(line.item, [_code(line.item, word) for word in words])


def _code(item: Item, word: str) -> str:
    """The choice that a typed number or code means; what means none stays, to be refused."""
    numbers = box_numbers(item)
    by_number = {number: code for code, number in numbers.items()}
    if word in by_number:
        return by_number[word]
    if item.na and word in (ZERO, DASH):
        return NOT_APPLICABLE
    return word if word in numbers and not word.isdecimal() else ""


def shown(line: Line, value: str) -> str:
    """A kept answer as it would be typed again."""
    if line.part in TICKS:
        return TICKED if value else ""
    if line.part is Part.WORDS or not value:
        return value
    if line.item.is_choosing:
        numbers = box_numbers(line.item) | {NOT_APPLICABLE: not_applicable_sign(line.item)}
        return " ".join(numbers[code] for code in value.split(" "))
    if line.item.type is ItemType.DATE:
        return f"{date.fromisoformat(value):%d/%m/%Y}"
    return value
