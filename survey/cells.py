"""What a cell of somebody's list means: codes, dates, phones, e-mails; read for matching, never corrected.

A cell that cannot be read is refused with a code (`Flaw`); the sentence for a reader is made at the edge.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from survey.errors.common import SurveyError

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
LABEL = re.compile(r"\w[\w .,:()&+/’'–-]*")  # begins with a letter or digit: never a formula, never markup
SCIENTIFIC = re.compile(r"[0-9]([.,][0-9]+)?[eE]\+?[0-9]+")  # what spreadsheets make of a long number
HALF_DAY = r"(?: ?(?:[AaPp][Mm]|SA|CH))?"  # sáng, chiều
DAY_FIRST = re.compile(
    r"([0-9]{1,2})([/-])([0-9]{1,2})\2([0-9]{4})(?: [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?" + HALF_DAY + ")?"
)
YEAR_FIRST = re.compile(
    r"([0-9]{4})([/-])([0-9]{1,2})\2([0-9]{1,2})(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]+)?" + HALF_DAY + ")?"
)
SERIAL = re.compile(r"([0-9]{5})(?:\.[0-9]+)?")
SERIAL_START = date(1899, 12, 30)  # day 0 of the 1900 date system, its wrong leap day counted in
SERIAL_YEARS = range(2000, 2100)
PHONE = re.compile(r"(?:\+84|0084|84)?0?([35789][0-9]{8}|2[0-9]{9})")  # mobile (di động), landline (cố định)
PHONE_SEPARATORS = re.compile(r"[\s.()-]")
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
INVISIBLE = dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF])
HANDLED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})

UNREAD = object()  # a fact that is written, but not so that it can be read
CACHED = 4096  # a long list repeats the same few words and days

Value = TypeVar("Value")


class Flaw(StrEnum):
    """Why a row was refused or a cell could not be used."""

    CELLS_MISSING = "cells_missing"
    CELLS_EXTRA = "cells_extra"
    CONTROL_CHARACTER = "control_character"
    TOO_LONG = "too_long"
    MISSING = "missing"
    BAD_CODE = "bad_code"
    BAD_TEXT = "bad_text"
    SCIENTIFIC_NUMBER = "scientific_number"
    NOT_ONE_OF = "not_one_of"
    BAD_DATE = "bad_date"
    BAD_YEAR = "bad_year"
    BEFORE_START = "before_start"
    OUTSIDE_PERIOD = "outside_period"
    UNKNOWN_UNIT = "unknown_unit"
    UNKNOWN_COMMUNE = "unknown_commune"
    AMBIGUOUS_UNIT = "ambiguous_unit"
    NOT_RATED = "not_rated"
    NOT_IN_WAVE = "not_in_wave"
    NOT_ALLOWED = "not_allowed"
    PARENT_CYCLE = "parent_cycle"
    DUPLICATE = "duplicate"
    CHANGED = "changed"
    BAD_PHONE = "bad_phone"
    BAD_EMAIL = "bad_email"
    BAD_LIST = "bad_list"
    NOTHING_TO_RATE = "nothing_to_rate"
    NOT_A_NUMBER = "not_a_number"
    MIXED_SIGNS = "mixed_signs"
    THOUSANDS = "thousands"
    CODE_AS_NUMBER = "code_as_number"
    UNKNOWN_CODE = "unknown_code"
    OTHER_SCHEME = "other_scheme"
    OTHER_YEAR = "other_year"
    OTHER_MAX = "other_max"
    TOO_MANY_POINTS = "too_many_points"
    WRONG_SUM = "wrong_sum"
    OTHER_LEVEL = "other_level"


@dataclass(frozen=True)
class RowFault:
    """One flaw of one row, the header being row 1; `column` is empty when the whole row is meant."""

    row: int
    column: str
    reason: Flaw
    detail: str = ""  # what the sentence names: a maximum, another scheme, a sum

    def as_dict(self) -> dict[str, int | str]:
        return {"row": self.row, "column": self.column, "reason": self.reason.value}


@dataclass(eq=False)
class CellRefused(SurveyError):
    """A cell that cannot be read; whoever knows the column adds it."""

    flaw: Flaw
    column: str = ""


@dataclass(eq=False)
class RowsRefused(SurveyError):
    """A list that is taken whole or not at all, with every flaw that it has."""

    faults: tuple[RowFault, ...]
    file: str = ""

    def __str__(self) -> str:
        return "\n".join(f"row {fault.row}, {fault.column or 'row'}: {fault.reason}" for fault in self.faults)


def take(values: Mapping[str, str], column: str, read: Callable[[str], Value]) -> Value:
    """Read one column of a row; a refusal names the column."""
    try:
        return read(values[column])
    except CellRefused as refused:
        refused.column = column
        raise


def take_each(values: Mapping[str, str], readers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Read several columns of a row, in the order of their readers; a refusal names the column."""
    found = {}
    for column, read in readers.items():
        try:
            found[column] = read(values[column])
        except CellRefused as refused:
            refused.column = column
            raise
    return found


def plain(text: str) -> str:
    """The text as it is compared: composed (NFC), no invisible letters, single spaces, none around."""
    if text.isascii():
        return " ".join(text.split())
    return " ".join(unicodedata.normalize("NFC", text).translate(INVISIBLE).split())


def required(read: Callable[[str], Value]) -> Callable[[str], Value]:
    """The same reading for a cell that must not be empty."""

    def read_required(text: str) -> Value:
        if not text.strip():
            raise CellRefused(Flaw.MISSING)
        return read(text)

    return read_required


def optional(read: Callable[[str], Value]) -> Callable[[str], Value | None]:
    """The same reading for a cell that may be empty: None then."""

    def read_optional(text: str) -> Value | None:
        return read(text) if text.strip() else None

    return read_optional


def if_readable(read: Callable[[str], Value]) -> Callable[[str], Value | object]:
    """The same reading for a fact that may be unknown: UNREAD in place of a refusal."""

    def read_if_readable(text: str) -> Value | object:
        try:
            return read(text)
        except CellRefused:
            return UNREAD

    return read_if_readable


def repeated(read: Callable[[str], Value]) -> Callable[[str], Value]:
    """The same reading for a column in which few words come again and again: each is read once."""
    return lru_cache(maxsize=CACHED)(read)


def code(text: str) -> str:
    """A short code of letters, digits, '.', '_' and '-'."""
    found = plain(text)
    if SCIENTIFIC.fullmatch(found):
        raise CellRefused(Flaw.SCIENTIFIC_NUMBER)
    if not CODE.fullmatch(found):
        raise CellRefused(Flaw.BAD_CODE)
    return found


def long_code(text: str) -> str:
    """A dossier's code as it is matched: spaces and case aside; a number that a spreadsheet rounded is refused."""
    found = plain(text).replace(" ", "").upper()
    if SCIENTIFIC.fullmatch(found):
        raise CellRefused(Flaw.SCIENTIFIC_NUMBER)
    if len(found) > 100:
        raise CellRefused(Flaw.TOO_LONG)
    return found


def label(limit: int) -> Callable[[str], str]:
    """A short word or name, at most `limit` letters, that cannot be taken for a formula or for markup."""

    def read_label(text: str) -> str:
        found = plain(text)
        if len(found) > limit:
            raise CellRefused(Flaw.TOO_LONG)
        if not LABEL.fullmatch(found):
            raise CellRefused(Flaw.BAD_TEXT)
        return found

    return read_label


def words(limit: int) -> Callable[[str], str]:
    """A name of any signs, at most `limit` letters, nothing invisible in it; whoever writes it out escapes it."""

    def read_words(text: str) -> str:
        found = plain(text)
        if not found:
            raise CellRefused(Flaw.MISSING)
        if len(found) > limit:
            raise CellRefused(Flaw.TOO_LONG)
        if any(unicodedata.category(letter) in HANDLED for letter in found):
            raise CellRefused(Flaw.CONTROL_CHARACTER)
        return found

    return read_words


def name(text: str) -> str:
    """A name that is shown to people: no invisible or direction-turning letters."""
    found = unicodedata.normalize("NFC", text.strip())
    if len(found) > 300:
        raise CellRefused(Flaw.TOO_LONG)
    if any(unicodedata.category(letter) in HANDLED for letter in found):
        raise CellRefused(Flaw.CONTROL_CHARACTER)
    return found


def one_of(words: Mapping[str, str]) -> Callable[[str], str]:
    """One word of a closed list, whatever its case; `words` maps each to what is stored ("" for an empty cell)."""
    folded = {word.casefold(): stored for word, stored in words.items()}

    def read_word(text: str) -> str:
        found = plain(text).casefold()
        if found not in folded:
            raise CellRefused(Flaw.NOT_ONE_OF if found else Flaw.MISSING)
        return folded[found]

    return read_word


def day(text: str) -> date:
    """A date as dd/mm/yyyy, dd-mm-yyyy, ISO or the number that a spreadsheet keeps; a time of day is left out."""
    found = plain(text)
    try:
        if parts := DAY_FIRST.fullmatch(found):
            return date(int(parts[4]), int(parts[3]), int(parts[1]))
        if parts := YEAR_FIRST.fullmatch(found):
            return date(int(parts[1]), int(parts[3]), int(parts[4]))
    except ValueError as error:
        raise CellRefused(Flaw.BAD_DATE) from error
    if parts := SERIAL.fullmatch(found):
        serial = SERIAL_START + timedelta(days=int(parts[1]))
        if serial.year in SERIAL_YEARS:
            return serial
    raise CellRefused(Flaw.BAD_DATE)


def phone(text: str) -> str:
    """A Vietnamese number as 0…, from +84, 0084, 84, a lost leading zero, spaces, dots or a spreadsheet's `.0`."""
    found = PHONE.fullmatch(text) or PHONE.fullmatch(_without_separators(text))
    if not found:
        raise CellRefused(Flaw.BAD_PHONE)
    return "0" + found[1]


def _without_separators(text: str) -> str:
    bare = plain(text)
    if bare.endswith(".0") and bare[:-2].isdigit():
        bare = bare[:-2]
    return PHONE_SEPARATORS.sub("", bare)


def email(text: str) -> str:
    """One address in small letters."""
    found = plain(text)
    if len(found) > 254 or not EMAIL.fullmatch(found):
        raise CellRefused(Flaw.BAD_EMAIL)
    return found.lower()
