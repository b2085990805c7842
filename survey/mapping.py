"""A mapping file (CONTRACT): how another office's list is laid out, and what its words mean in ours.

What it says is looked up, never guessed: a word that it does not name stays as it is, and the row is judged by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from survey import datafile
from survey.cells import CACHED, SERIAL, YEAR_FIRST, CellRefused, Flaw, plain
from survey.datafile import Report, Table
from survey.faults import Reason

DATES = frozenset({"received_on", "due_on", "finished_on"})
PARTS = (("dd", "%d"), ("mm", "%m"), ("yyyy", "%Y"), ("yy", "%y"))


class Encoding(StrEnum):
    """How the letters of a CSV are written."""

    UTF_8 = "utf-8"
    WINDOWS_1258 = "windows-1258"


@dataclass(frozen=True)
class Mapping:
    """What a mapping file says; every list has one, the plain one unless a file came along."""

    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)  # canonical -> their headings, upper ones first
    values: dict[str, dict[str, str]] = field(default_factory=dict)  # canonical -> their word (folded) -> ours
    fixed: dict[str, str] = field(default_factory=dict)  # the same in every row
    date_format: str = ""
    encoding: Encoding | None = None
    header_row: int = 0
    skip_last: int = 0
    page: str = ""
    system: str = ""  # the one-stop system (hệ thống một cửa) that the list comes from

    @property
    def is_plain(self) -> bool:
        """Whether the list is laid out as ours: nothing is renamed, left out or filled."""
        return not self.columns

    def translated(self, values: dict[str, str]) -> dict[str, str]:
        """A row in our words; CellRefused for a date that is not written as the mapping says."""
        for column, words in self.values.items():
            values[column] = words.get(plain(values[column]).casefold(), values[column])
        values |= self.fixed
        if self.date_format:
            for column in DATES & values.keys():
                values[column] = self._day(values[column], column)
        return values

    def _day(self, text: str, column: str) -> str:
        """A date as ISO; what a spreadsheet keeps as a date is one already."""
        found = plain(text)
        if not found or YEAR_FIRST.fullmatch(found) or SERIAL.fullmatch(found):
            return found
        try:
            return _iso(found.split(" ")[0], self.date_format)
        except ValueError as error:
            raise CellRefused(Flaw.BAD_DATE, column) from error


@lru_cache(maxsize=CACHED)
def _iso(text: str, date_format: str) -> str:
    return datetime.strptime(text, date_format).date().isoformat()  # noqa: DTZ007 (a day)


PLAIN = Mapping()


def read_mapping(source: Path | str, known: tuple[str, ...], *, file: str = "mapping.toml") -> Mapping:
    """Read a mapping file for a list with these columns; FaultyFile names every fault by its key."""
    report = Report(source.name if isinstance(source, Path) else file)
    table = datafile.open_table(datafile.canonical(source, report.file), report)
    encoding = table.option("encoding", Encoding) if table.has("encoding") else None
    found = Mapping(
        columns=_columns(table, known),
        values=_values(table, known),
        fixed=_texts(table, "fixed", known),
        date_format=_date_format(table),
        encoding=encoding,
        header_row=table.whole("header_row", least=1, default=1),
        skip_last=table.whole("skip_last", least=0, default=0),
        page=table.text("sheet", default=""),
        system=table.text("system", default=""),
    )
    table.close()
    report.settle()
    return found


def _columns(table: Table, known: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Their heading for each of our columns; `Upper / Lower` where headings stand in two rows."""
    texts = _texts(table, "columns", known, required=True)
    theirs = [plain(text).casefold() for text in texts.values()]
    for name, text in texts.items():
        if theirs.count(plain(text).casefold()) > 1:
            table.fault(f"columns.{name}", Reason.DUPLICATE, text)
    return {name: headings(text) for name, text in texts.items()}


def headings(text: str) -> tuple[str, ...]:
    """A heading as it is compared, the upper row's part first."""
    return tuple(plain(part).casefold() for part in text.split(" / "))


def _texts(table: Table, key: str, known: tuple[str, ...], *, required: bool = False) -> dict[str, str]:
    inner = table.table(key, required=required)
    if inner is None:
        return {}
    for name in inner.keys():  # noqa: SIM118 (a table of ours)
        if name not in known:
            inner.fault(name, Reason.UNKNOWN_KEY)
    found = {name: inner.text(name) for name in inner.keys() if name in known}  # noqa: SIM118
    return {name: text for name, text in found.items() if text.strip()}


def _values(table: Table, known: tuple[str, ...]) -> dict[str, dict[str, str]]:
    outer = table.table("values", required=False)
    if outer is None:
        return {}
    found: dict[str, dict[str, str]] = {}
    for name in outer.keys():  # noqa: SIM118
        inner = outer.table(name)
        if name not in known:
            outer.fault(name, Reason.UNKNOWN_KEY)
        elif inner is not None:
            found[name] = {plain(word).casefold(): inner.text(word, default="") for word in inner.keys()}  # noqa: SIM118
    return found


def _date_format(table: Table) -> str:
    """The order of day, month and year, as in dd/mm/yyyy, for the library that reads it."""
    told = table.text("date_format", default="")
    pattern = told
    for part, code in PARTS:
        pattern = pattern.replace(part, code, 1)
    if told and (any(letter.isalpha() and letter not in "dmyY" for letter in pattern) or pattern.count("%") != 3):
        table.fault("date_format", Reason.NOT_ONE_OF, "dd/mm/yyyy, mm/dd/yyyy, yyyy-mm-dd, dd.mm.yy")
    return pattern
