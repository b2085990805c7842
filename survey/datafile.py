"""Reads a TOML data file table by table and collects every fault instead of stopping at the first.

A reader takes the keys that it knows from a `Table`; what is left at `close()` is an unknown key. A wrong or missing
value is reported once and replaced by a harmless one, so that the reading goes on; `settle()` then refuses the file.
"""

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from survey.faults import Fault, FaultyFile, Reason

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
Word = TypeVar("Word", bound=StrEnum)
Value = TypeVar("Value")


class Status(StrEnum):
    """Whether a real wave may use the file; a sample (mẫu thử) serves rehearsals only."""

    SAMPLE = "sample"
    OFFICIAL = "official"


@dataclass(frozen=True)
class Words:
    """One text in several languages; `words("en")` gives the English one, an unknown language the file's first."""

    pairs: tuple[tuple[str, str], ...]

    def __call__(self, lang: str) -> str:
        for language, text in self.pairs:
            if language == lang:
                return text
        return self.pairs[0][1] if self.pairs else ""

    def __bool__(self) -> bool:
        return bool(self.pairs)


def canonical(source: Path | str, file: str) -> str:
    """Return the text as it is frozen: UTF-8 without BOM, NFC, LF, one newline at the end."""
    try:
        text = source.read_bytes().decode("utf-8-sig") if isinstance(source, Path) else source
    except UnicodeDecodeError as error:
        raise FaultyFile(file, (Fault(file, "", "", Reason.NOT_UTF8, str(error.reason)),)) from error
    lines = unicodedata.normalize("NFC", text.removeprefix("\ufeff")).replace("\r\n", "\n").split("\n")
    return "\n".join(lines).rstrip("\n") + "\n"


def digest(text: str) -> str:
    """Return the SHA-256 of a canonical text in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


class Report:
    """The faults of one file and the languages that its texts must have."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.languages: tuple[str, ...] = ()
        self.faults: list[Fault] = []

    def add(self, place: str, key: str, reason: Reason, detail: object = "") -> None:
        self.faults.append(Fault(self.file, place, key, reason, str(detail)))

    def settle(self) -> None:
        """Refuse the file when anything was reported."""
        if self.faults:
            raise FaultyFile(self.file, tuple(self.faults))


def open_table(text: str, report: Report) -> "Table":
    """Parse the text; numbers with a point stay decimal, so that sums of points are exact."""
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        report.add("", "", Reason.NOT_TOML, error)
        report.settle()
        raise
    return Table(values, "", report)


class Table:
    """One TOML table while it is read."""

    def __init__(self, values: Mapping[str, object], place: str, report: Report) -> None:
        self.place = place
        self.report = report
        self._values = dict(values)
        self._left = set(values)

    def fault(self, key: str, reason: Reason, detail: object = "") -> None:
        self.report.add(self.place, key, reason, detail)

    def has(self, key: str) -> bool:
        return key in self._values

    def is_text(self, key: str) -> bool:
        return isinstance(self._values.get(key), str)

    def keys(self) -> tuple[str, ...]:
        return tuple(self._values)

    def close(self) -> None:
        """Report the keys that nobody asked for."""
        for key in self._values:
            if key in self._left:
                self.fault(key, Reason.UNKNOWN_KEY)

    def _take(self, key: str, kind: type[Value], called: str, *, required: bool = True) -> Value | None:
        self._left.discard(key)
        if key not in self._values:
            if required:
                self.fault(key, Reason.MISSING)
            return None
        value = self._values[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.fault(key, Reason.WRONG_TYPE, called)
            return None
        return value

    def text(self, key: str, *, default: str | None = None) -> str:
        value = self._take(key, str, "text", required=default is None)
        if value is not None and not value.strip():
            self.fault(key, Reason.EMPTY)
        return value if value is not None else default or ""

    def code(self, key: str = "code") -> str:
        """Take a code; 1.1 and 1.10 are two codes, so a number is refused."""
        if isinstance(self._values.get(key), int | Decimal):
            self._left.discard(key)
            self.fault(key, Reason.CODE_NOT_TEXT, self._values[key])
            return ""
        value = self.text(key)
        if value.strip() and not CODE.fullmatch(value):
            self.fault(key, Reason.BAD_CODE, f'"{value}"')
        return value

    def codes(self, key: str, *, required: bool = True) -> tuple[str, ...]:
        values = self._take(key, list, "a list of codes", required=required) or []
        if any(not isinstance(value, str) for value in values):
            self.fault(key, Reason.CODE_NOT_TEXT, values)
            return ()
        if required and self.has(key) and not values:
            self.fault(key, Reason.EMPTY)
        return tuple(values)

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._take(key, bool, "true or false", required=False)
        return default if value is None else value

    def required_flag(self, key: str) -> bool:
        return self._take(key, bool, "true or false") or False

    def option(self, key: str, words: type[Word]) -> Word | None:
        """Take one word of a closed set; a wrong or missing one is reported and gives None."""
        value = self._take(key, str, "text")
        try:
            return None if value is None else words(value)
        except ValueError:
            self.fault(key, Reason.NOT_ONE_OF, ", ".join(words))
            return None

    def word(self, key: str, words: type[Word]) -> Word:
        return self.option(key, words) or next(iter(words))

    def whole(self, key: str, *, least: int, most: int | None = None, default: int | None = None) -> int:
        value = self._take(key, int, "a whole number", required=default is None)
        value = (default if default is not None else least) if value is None else value
        if value < least:
            self.fault(key, Reason.OUT_OF_RANGE, f"{value} < {least}")
        if most is not None and value > most:
            self.fault(key, Reason.OUT_OF_RANGE, f"{value} > {most}")
        return value

    def wholes(self, key: str) -> tuple[int, ...]:
        values = self._take(key, list, "a list of whole numbers") or []
        if not values and self.has(key):
            self.fault(key, Reason.EMPTY)
        if any(not isinstance(value, int) or isinstance(value, bool) for value in values):
            self.fault(key, Reason.WRONG_TYPE, "a list of whole numbers")
            return ()
        return tuple(values)

    def number(self, key: str) -> Decimal:
        value = self._values.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            self._left.discard(key)
            return Decimal(value)
        found = self._take(key, Decimal, "a number")
        if found is not None and not found.is_finite():
            self.fault(key, Reason.WRONG_TYPE, "a number")
            return Decimal(0)
        return Decimal(0) if found is None else found

    def day(self, key: str) -> date:
        """Take a date, written without quotes as in 2025-07-01."""
        value = self._take(key, date, "a date as in 2025-07-01")
        if isinstance(value, datetime):
            self.fault(key, Reason.WRONG_TYPE, "a date as in 2025-07-01")
            return value.date()
        return value or date.min

    def moment(self, key: str) -> datetime:
        """Take a local time without zone, written without quotes as in 2025-07-01T08:00:00."""
        value = self._take(key, datetime, "a local time as in 2025-07-01T08:00:00")
        if value is not None and value.tzinfo is not None:
            self.fault(key, Reason.WRONG_TYPE, "a local time as in 2025-07-01T08:00:00")
        return datetime(1, 1, 1) if value is None else value.replace(tzinfo=None)  # noqa: DTZ001 (local by contract)

    def numbers(self, key: str) -> tuple[tuple[str, Decimal], ...]:
        """Take an optional table of numbers by code."""
        inner = self.table(key, required=False)
        return () if inner is None else tuple((code, inner.number(code)) for code in inner.keys())  # noqa: SIM118

    def words(self, key: str) -> Words:
        return self.optional_words(key) if self.has(key) else self._no_words(key)

    def _no_words(self, key: str) -> Words:
        self.fault(key, Reason.MISSING)
        return Words(())

    def optional_words(self, key: str) -> Words:
        """Take one text in each of the file's languages; a missing key gives empty words."""
        values = self._take(key, dict, "a text in each language", required=False)
        if values is None:
            return Words(())
        inner = Table(values, f"{self.place}.{key}" if self.place else key, self.report)
        for lang in values:
            if lang not in self.report.languages:
                inner.fault(lang, Reason.UNKNOWN_LANGUAGE, lang)
        for lang in self.report.languages:
            if lang not in values:
                inner.fault(lang, Reason.MISSING_LANGUAGE, lang)
        return Words(tuple((lang, inner.text(lang)) for lang in self.report.languages if lang in values))

    def table(self, key: str, *, required: bool = True) -> "Table | None":
        values = self._take(key, dict, "a table", required=required)
        return None if values is None else Table(values, f"{self.place}.{key}" if self.place else key, self.report)

    def tables(self, key: str, *, required: bool = True) -> "Iterator[Table]":
        """Take a list of tables, each with its place counted from 1."""
        values = self._take(key, list, "a list of tables", required=required) or []
        if required and self.has(key) and not values:
            self.fault(key, Reason.EMPTY)
        for index, value in enumerate(values, start=1):
            place = f"{self.place}.{key}[{index}]" if self.place else f"{key}[{index}]"
            if isinstance(value, dict):
                yield Table(value, place, self.report)
            else:
                self.report.add(place, "", Reason.WRONG_TYPE, "a table")


def report_repeats(tables: Iterable[tuple[Table, str]]) -> None:
    """Report each code that an earlier table of the same list has, whatever its case."""
    seen: set[str] = set()
    for table, code in tables:
        if code and code.casefold() in seen:
            table.fault("code", Reason.DUPLICATE, f'"{code}"')
        seen.add(code.casefold())


def report_order(rows: Iterable[tuple[Table, Decimal]]) -> None:
    """Report limits that do not fall from line to line, and two lines that begin at the same limit."""
    above: Decimal | None = None
    for table, limit in rows:
        if above is not None and limit == above:
            table.fault("min", Reason.OVERLAP, limit)
        elif above is not None and limit > above:
            table.fault("min", Reason.UNSORTED, f"{limit} > {above}")
        above = limit
