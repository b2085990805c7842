"""The respondents' form as data: the pages of a questionnaire, and what one posted page says.

Nothing here knows of requests, templates or the database: a page comes in, values come in, answers or refusals go out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from survey.instrument import Factor, Instrument, Item
from survey.model.unit import Unit

NOT_APPLICABLE = "na"
CSRF, KEY, SWITCH, BACK, ACTION = "csrf_token", "key", "switch", "back", "action"
CONTROLS = frozenset({CSRF, KEY, SWITCH, BACK, ACTION})
UNSIGNED = frozenset({CSRF, SWITCH})  # the same answers sent twice may differ in these
SECONDS_AN_ITEM = 8
Values = Iterable[tuple[str, list[str]]]


class Refusal(StrEnum):
    """Why a posted value was not taken."""

    NOT_OFFERED = "not_offered"
    TWICE = "twice"
    UNKNOWN = "unknown"
    REQUIRED = "required"


@dataclass(frozen=True)
class Field:
    """One question on a page; `name` is its form control: the item's code, for officials `unit:item`."""

    name: str
    item: Item

    @property
    def values(self) -> tuple[str, ...]:
        codes = tuple(choice.code for choice in self.item.choices)
        return (*codes, NOT_APPLICABLE) if self.item.na else codes

    @property
    def first_id(self) -> str:
        """The id of the first choice: where a link of the error summary leads to."""
        return f"{self.name}-{self.values[0]}"


@dataclass(frozen=True)
class Section:
    """Fields that stand under one factor's name."""

    factor: Factor | None
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class FormPage:
    """One screen: the items of a factor, of one rated unit (officials), or the facts at the end."""

    number: int
    unit: Unit | None
    sections: tuple[Section, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(field for section in self.sections for field in section.fields)

    @property
    def is_facts(self) -> bool:
        return self.unit is None and self.sections[0].factor is None


@dataclass(frozen=True)
class Posted:
    """What a posted page says: the answers that stand, and the values that were refused by field name."""

    answers: Mapping[str, str]
    refusals: Mapping[str, Refusal]


def pages_of(instrument: Instrument, block: Sequence[Unit]) -> tuple[FormPage, ...]:
    """The form's pages: by factor for citizens, by rated unit for an official's block."""
    if block:
        return tuple(_unit_page(instrument, unit, number) for number, unit in enumerate(block, start=1))
    return tuple(
        FormPage(page.number, None, (Section(page.factor, tuple(Field(item.code, item) for item in page.items)),))
        for page in instrument.pages()
    )


def _unit_page(instrument: Instrument, unit: Unit, number: int) -> FormPage:
    """Every item of the instrument, asked about one unit."""
    sections = []
    for factor in instrument.factors:
        items = (item for item in instrument.answer_items if item.factor == factor.code)
        fields = tuple(Field(f"{unit.code}:{item.code}", item) for item in items)
        if fields:
            sections.append(Section(factor, fields))
    return FormPage(number, unit, tuple(sections))


def read(page: FormPage, values: Values) -> Posted:
    """Take what the page offers and refuse everything else: other values, two for one item, other names."""
    fields = {field.name: field for field in page.fields}
    answers: dict[str, str] = {}
    refusals: dict[str, Refusal] = {}
    for name, given in values:
        if name in CONTROLS:
            continue
        if name not in fields:
            refusals[name] = Refusal.UNKNOWN
        elif len(given) > 1:
            refusals[name] = Refusal.TWICE
        elif given[0] not in fields[name].values:
            refusals[name] = Refusal.NOT_OFFERED
        else:
            answers[name] = given[0]
    return Posted(answers, refusals)


def missing(page: FormPage, answers: Mapping[str, str]) -> dict[str, Refusal]:
    """The required items of the page that are left open; most items may be skipped."""
    return {field.name: Refusal.REQUIRED for field in page.fields if field.item.required and field.name not in answers}


def first_gap(pages: Sequence[FormPage], answers: Mapping[str, str]) -> int | None:
    """The first page that still lacks a required answer, for forms whose pages were skipped."""
    return next((page.number for page in pages if missing(page, answers)), None)


def merged(draft: Mapping[str, str], page: FormPage, answers: Mapping[str, str]) -> dict[str, str]:
    """The draft with this page's answers put in place of those it had."""
    here = {field.name for field in page.fields}
    return {name: value for name, value in draft.items() if name not in here} | dict(answers)


def resume_at(pages: Sequence[FormPage], answers: Mapping[str, str]) -> int:
    """The page to go on with: the last one touched while something is open on it, else the one after it."""
    touched = [page for page in pages if any(field.name in answers for field in page.fields)]
    if not touched:
        return 1
    last = touched[-1]
    is_whole = all(field.name in answers for field in last.fields)
    return min(last.number + is_whole, len(pages))


def canonical_body(values: Values) -> bytes:
    """The posted form in one fixed order, without what may differ between two sendings of the same answers."""
    pairs = [(name, value) for name, given in values if name not in UNSIGNED for value in given]
    return urlencode(sorted(pairs)).encode()


def minutes(pages: Sequence[FormPage]) -> int:
    """How long the form takes, as told on the first page."""
    return max(1, round(sum(len(page.fields) for page in pages) * SECONDS_AN_ITEM / 60))


def standing(pages: Sequence[FormPage], answers: Mapping[str, str]) -> dict[str, str]:
    """The answers that the form still offers: a draft may be older than a block or a page."""
    offered = {field.name: field.values for page in pages for field in page.fields}
    return {name: value for name, value in answers.items() if value in offered.get(name, ())}
