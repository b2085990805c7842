"""What an answer may be: one value in one spelling for each kind of question, and which questions are asked at all.

Answers are kept by name: the item's code, for officials `unit:item`. A name with `~` goes with another: `Q2~other` is
what was written beside the choice `other`, `ethnicity~consent` the tick without which the item's answer is not kept,
`W~forward` the tick by which a comment goes to the rated unit.
Several choices are one value, the codes in the list's order with a space between: `media internet`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from survey.instrument import IN_WORDS, Instrument, Item, ItemType
from survey.masking import mask

NOT_APPLICABLE = "na"
CONSENT, FORWARD, YES = "consent", "forward", "yes"
MARK = "~"
LONGEST = {ItemType.TEXT: 200, ItemType.COMMENT: 1000}
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2099, 12, 31)
SECONDS_AN_ITEM = 8
WHOLE, GROUPED = re.compile("[0-9]{1,9}"), re.compile(r"[1-9][0-9]{0,2}([., \u00a0])[0-9]{3}(?:\1[0-9]{3})*")
OWN_DAY = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")


class Wrong(StrEnum):
    """Why a value was not taken."""

    NOT_OFFERED = "not_offered"
    TWICE = "twice"
    NOT_ALONE = "not_alone"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    NOT_A_DAY = "not_a_day"
    TOO_LONG = "too_long"


class Refused(Exception):
    """A value that the item does not take."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong)
        self.wrong = wrong


@dataclass(frozen=True)
class Sorted:
    """An answer by where it is kept: with the unit, with the other facts, each alone; `forwarded` go to their unit."""

    said: Mapping[str, str]
    facts: Mapping[str, str]
    words: Mapping[str, str]
    forwarded: frozenset[str] = frozenset()


def value_of(item: Item, given: Sequence[str]) -> str:
    """The one spelling of what was given; empty when nothing was written. Raises Refused."""
    if item.type is ItemType.MULTIPLE:
        return _several(item, given)
    if len(given) != 1:
        raise Refused(Wrong.TWICE)
    if item.type is ItemType.SINGLE:
        return _one(item, given[0])
    if item.type is ItemType.NUMBER:
        return _number(item, given[0])
    if item.type is ItemType.DATE:
        return _day(given[0])
    return line(given[0], LONGEST[item.type])


def line(given: str, longest: int) -> str:
    """Written text: composed letters, no control characters, no space around it. Raises Refused."""
    text = unicodedata.normalize("NFC", given.replace("\r\n", "\n"))
    text = "".join(sign for sign in text if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cs")).strip()
    if len(text) > longest:
        raise Refused(Wrong.TOO_LONG)
    return text


def _one(item: Item, given: str) -> str:
    if given not in item.codes and not (given == NOT_APPLICABLE and item.na):
        raise Refused(Wrong.NOT_OFFERED)
    return given


def _several(item: Item, given: Sequence[str]) -> str:
    for code in given:
        _one(item, code)
    if len(set(given)) != len(given):
        raise Refused(Wrong.TWICE)
    alone = {choice.code for choice in item.choices if choice.alone} | {NOT_APPLICABLE}
    if len(given) > 1 and alone & set(given):
        raise Refused(Wrong.NOT_ALONE)
    return " ".join(sorted(given, key=[*item.codes, NOT_APPLICABLE].index))


def _number(item: Item, given: str) -> str:
    """A whole number, its digits in groups of three or not: 250000, 250.000."""
    text = given.strip()
    if not text:
        return ""
    grouped = GROUPED.fullmatch(text)
    text = text.replace(grouped[1], "") if grouped else text
    if not WHOLE.fullmatch(text):
        raise Refused(Wrong.NOT_A_NUMBER)
    if not item.least <= int(text) <= item.most:
        raise Refused(Wrong.OUT_OF_RANGE)
    return str(int(text))


def _day(given: str) -> str:
    """A day as a browser's own field sends it, or as people here write it: 31/12/2025."""
    text = given.strip()
    if not text:
        return ""
    written = OWN_DAY.fullmatch(text)
    if written:
        day, month, year = written.groups()
        text = f"{year}-{month:0>2}-{day:0>2}"
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Refused(Wrong.NOT_A_DAY) from None
    if not FIRST_DAY <= found <= LAST_DAY:
        raise Refused(Wrong.NOT_A_DAY)
    return found.isoformat()


def is_offered(item: Item, value: str) -> bool:
    """Whether a kept value is one that the item takes, in its one spelling."""
    try:
        return bool(value) and value_of(item, value.split(" ") if item.type is ItemType.MULTIPLE else [value]) == value
    except Refused:
        return False


def is_extra(item: Item, extra: str, value: str) -> bool:
    """Whether what stands beside an answer may stand there: a consent, or the words for a choice that opens a line."""
    if extra == CONSENT or (extra == FORWARD and item.forward):
        return value == YES and bool(item.consent if extra == CONSENT else item.forward)
    try:
        written = line(value, LONGEST[ItemType.TEXT])
    except Refused:
        return False
    return any(choice.other and choice.code == extra for choice in item.choices) and written == value != ""


def split_name(name: str) -> tuple[str, str, str]:
    """The unit, the item and what goes with it: `98-01:Q2~other` is ("98-01", "Q2", "other")."""
    base, _, extra = name.partition(MARK)
    unit, _, code = base.rpartition(":")
    return unit, code, extra


def faults(instrument: Instrument, units: Iterable[str], answers: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with kept answers: name -> reason. Officials answer about `units`, citizens about none."""
    items, known = {item.code: item for item in instrument.items}, set(units) or {""}
    found = {}
    for name, value in answers.items():
        unit, code, extra = split_name(name)
        if unit not in known or code not in items:
            found[name] = "unknown_item"
        elif not (is_extra(items[code], extra, value) if extra else is_offered(items[code], value)):
            found[name] = "not_an_option"
    return found


def is_asked(item: Item, items: Mapping[str, Item], answers: Mapping[str, str], unit: str = "") -> bool:
    """Whether the answers so far lead to the item: its route's item was asked and one of the choices taken."""
    if item.route is None:
        return True
    before = items[item.route.item]
    given = answers.get(f"{unit}:{before.code}" if unit else before.code, "").split(" ")
    return not set(given).isdisjoint(item.route.choices) and is_asked(before, items, answers, unit)


def settled(instrument: Instrument, answers: Mapping[str, str]) -> dict[str, str]:
    """The answers that count: asked by their routes, with their consent, words only beside the choice they go with."""
    items = {item.code: item for item in instrument.items}
    kept = {}
    for name, value in answers.items():
        unit, code, extra = split_name(name)
        base = name.partition(MARK)[0]
        item = items[code]
        agreed = not item.consent or answers.get(f"{base}{MARK}{CONSENT}") == YES
        goes_with = not extra or extra in answers.get(base, "").split(" ")
        is_tick = extra == CONSENT or (extra == FORWARD and bool(item.forward))
        if not is_tick and agreed and goes_with and is_asked(item, items, answers, unit):
            kept[name] = value
    return kept


def sort(instrument: Instrument, answers: Mapping[str, str]) -> Sorted:
    """Settled answers by where they are kept; written words and days stand each alone, without unit and class."""
    items = {item.code: item for item in instrument.items}
    said: dict[str, str] = {}
    facts: dict[str, str] = {}
    words: dict[str, str] = {}
    for name, value in settled(instrument, answers).items():
        _unit, code, extra = split_name(name)
        alone = extra or items[code].type in IN_WORDS
        is_plain = not alone or items[code].type is ItemType.DATE
        (words if alone else facts if items[code].fact else said)[name] = value if is_plain else mask(value)
    forwarded = frozenset(name for name in words if answers.get(f"{name}{MARK}{FORWARD}") == YES)
    return Sorted(said, facts, words, forwarded)


def minutes(items: int) -> int:
    """How long a form of so many items takes, as people are told."""
    return max(1, round(items * SECONDS_AN_ITEM / 60))
