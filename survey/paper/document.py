"""A report as data, in one language: composed once, written as a page, as PDF and for word processors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class Bar:
    """An interval with its value on a scale from 0 to `end`; `told` says the same to who does not see it."""

    value: float
    low: float
    high: float
    end: float
    told: str


@dataclass(frozen=True)
class Cell:
    """One cell of a table: a text, what is said of it in small letters, or a bar."""

    text: str = ""
    note: str = ""
    bar: Bar | None = None
    is_strong: bool = False


@dataclass(frozen=True)
class Column:
    """The head of a column; numbers stand to the right."""

    title: str
    is_number: bool = False


@dataclass(frozen=True)
class Row:
    """One row of a table; its first cell says what the row is about."""

    cells: tuple[Cell, ...]
    is_whole: bool = False


@dataclass(frozen=True)
class Fact:
    """A short figure or fact with its name."""

    name: str
    text: str


@dataclass(frozen=True)
class Heading:
    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Paragraph:
    kind: ClassVar[str] = "paragraph"
    text: str
    is_note: bool = False


@dataclass(frozen=True)
class Bullets:
    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Headline:
    """The one figure that a report is about, with what has to be read beside it."""

    kind: ClassVar[str] = "headline"
    figure: str
    lines: tuple[str, ...]
    bar: Bar | None
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Table:
    kind: ClassVar[str] = "table"
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def has_bars(self) -> bool:
        return any(cell.bar for row in self.rows for cell in row.cells)


@dataclass(frozen=True)
class Origin:
    """Where the figures come from: facts, and the digest to compare with as a code that a phone reads."""

    kind: ClassVar[str] = "origin"
    code: str
    told: str
    facts: tuple[Fact, ...]


Block = Heading | Paragraph | Bullets | Headline | Table | Origin


@dataclass(frozen=True)
class Document:
    """A report; `mark` is what no reader may overlook, `foot` stands on every page."""

    lang: str
    title: str
    subtitle: str
    mark: str
    foot: str
    blocks: tuple[Block, ...] = field(default=())
