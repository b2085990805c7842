"""The respondents' form as data: the pages of a questionnaire, and what one posted page says.

Nothing here knows of requests, templates or the database: a page comes in, values come in, answers or refusals go out.
Answers are kept by the names of `survey.answers`.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from urllib.parse import urlencode

from survey import answers as answering
from survey.answers import CONSENT, FORWARD, LONGEST, MARK, NOT_APPLICABLE, YES, Refused, Wrong
from survey.i18n import date_text
from survey.instrument import MOST_ON_A_PAGE, Choice, Factor, Instrument, Item, ItemType, screens
from survey.model.unit import Unit

CSRF, KEY, SWITCH, BACK, ACTION, LOOK, SEEN = "csrf_token", "key", "switch", "back", "action", "look", "seen"
WHOLE, COMPARE, CLEAR = "whole", "compare", "clear"
CONTROLS = frozenset({CSRF, KEY, SWITCH, BACK, ACTION, LOOK, SEEN, WHOLE, COMPARE, CLEAR})
UNSIGNED = frozenset({CSRF, SWITCH, LOOK})  # the same answers sent twice may differ in these
FEWEST_ON_A_PAGE = 3
Values = Iterable[tuple[str, list[str]]]


class Refusal(StrEnum):
    """Why a posted page is not taken as it is, beside what `Wrong` says of single values."""

    UNKNOWN = "unknown"
    REQUIRED = "required"


Reasons = Mapping[str, Refusal | Wrong]


@dataclass(frozen=True)
class Field:
    """One question on a page; `name` is its form control: the item's code, for officials `unit:item`."""

    name: str
    item: Item

    @property
    def values(self) -> tuple[str, ...]:
        return (*self.item.codes, NOT_APPLICABLE) if self.item.na else self.item.codes

    @property
    def kind(self) -> str:
        return self.item.type.value

    @property
    def first_id(self) -> str:
        """The id of the first control: where a link of the error summary leads to."""
        return f"{self.name}-{self.values[0]}" if self.item.is_choosing else f"{self.name}-in"

    @property
    def consent_name(self) -> str:
        return f"{self.name}{MARK}{CONSENT}"

    @property
    def forward_name(self) -> str:
        return f"{self.name}{MARK}{FORWARD}"

    def words_name(self, choice: Choice) -> str:
        """The control for the words beside a choice."""
        return f"{self.name}{MARK}{choice.code}"

    @property
    def decided_by(self) -> str:
        """The name of the question whose answer leads to this one; empty when everybody is asked."""
        unit = self.name.rpartition(":")[0]
        code = self.item.route.item if self.item.route else ""
        return f"{unit}:{code}" if unit and code else code

    @cached_property
    def may_be_refused(self) -> bool:
        """Whether a browser can send something here that is not taken: words, numbers, days, what must be answered."""
        return self.item.type is not ItemType.SINGLE or self.item.required

    @property
    def longest(self) -> int:
        return LONGEST.get(self.item.type, LONGEST[ItemType.TEXT])

    @cached_property
    def extras(self) -> tuple[str, ...]:
        """The names of the controls that go with the question."""
        words = tuple(self.words_name(choice) for choice in self.item.choices if choice.other)
        ticks = ((self.item.consent, self.consent_name), (self.item.forward, self.forward_name))
        return (*words, *(name for is_there, name in ticks if is_there))

    @cached_property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.extras)


@dataclass(frozen=True)
class Section:
    """Fields that stand under one factor's name."""

    factor: Factor | None
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class FormPage:
    """One screen: items of a factor, a part of what is asked of a rated unit (officials), or facts at the end."""

    number: int
    unit: Unit | None
    sections: tuple[Section, ...]
    part: int = 1
    parts: int = 1

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        return tuple(field for section in self.sections for field in section.fields)

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(name for field in self.fields for name in field.names)

    @cached_property
    def is_shuffled(self) -> bool:
        return any(section.factor.shuffle for section in self.sections if section.factor)

    @cached_property
    def is_routed(self) -> bool:
        return any(field.item.route for field in self.fields)

    @property
    def may_forward(self) -> bool:
        return any(field.item.forward for field in self.fields)

    @property
    def share(self) -> str:
        """Which part of a unit's or of the first factor's questions this is; nothing where all stand on one page."""
        return f"{self.part}/{self.parts}" if self.parts > 1 else ""

    @property
    def place(self) -> str:
        """The share as it stands behind the heading; where several factors have the page, it is the first name's."""
        return self.share if self.unit or len(self.sections) == 1 else ""

    @property
    def is_facts(self) -> bool:
        return self.unit is None and all(section.factor is None for section in self.sections)


@dataclass(frozen=True)
class Posted:
    """What a posted page says: the answers that stand, and what was refused by field name."""

    answers: Mapping[str, str]
    refusals: Reasons


def pages_of(instrument: Instrument, block: Sequence[Unit]) -> tuple[FormPage, ...]:
    """The form's pages: by factor for citizens, by rated unit for an official's block."""
    if block:
        judged = [page for unit in block for page in _unit_pages(instrument, unit)]
        return tuple(replace(page, number=number) for number, page in enumerate(judged, start=1))
    pages = instrument.pages()
    parts = Counter(page.factor for page in pages)
    seen: Counter[Factor | None] = Counter()
    made: list[FormPage] = []
    for screen in pages:
        seen[screen.factor] += 1
        section = Section(screen.factor, tuple(Field(item.code, item) for item in screen.items))
        page = FormPage(0, None, (section,), seen[screen.factor], parts[screen.factor])
        made[-1:] = [_joined(made[-1], page)] if made and _go_together(made[-1], page) else [*made[-1:], page]
    return tuple(replace(page, number=number) for number, page in enumerate(made, start=1))


def _joined(one: FormPage, other: FormPage) -> FormPage:
    return replace(one, sections=one.sections + other.sections)


def _go_together(one: FormPage, other: FormPage) -> bool:
    """Whether a factor, or the end of one, fits on a page with the next of its group; one is too small to be alone."""
    factors = [section.factor for section in one.sections + other.sections]
    codes = {field.item.code for field in one.fields}
    return (
        len({factor.group if factor else None for factor in factors}) == 1
        and None not in factors
        and one.part == one.parts
        and other.parts == 1
        and min(len(one.fields), len(other.fields)) < FEWEST_ON_A_PAGE
        and len(one.fields) + len(other.fields) <= MOST_ON_A_PAGE
        and not any(field.item.route and field.item.route.item in codes for field in other.fields)
    )


def _unit_pages(instrument: Instrument, unit: Unit) -> list[FormPage]:
    """Every item of the instrument, asked about one unit: a few on each screen, under the names of their factors."""
    ordered = tuple(
        item for factor in instrument.factors for item in instrument.answer_items if item.factor == factor.code
    )
    parts = screens(ordered)
    return [
        FormPage(0, unit, tuple(
            Section(instrument.factor(code), tuple(Field(f"{unit.code}:{item.code}", item) for item in items))
            for code, items in itertools.groupby(part, key=lambda item: item.factor)
        ), number, len(parts))
        for number, part in enumerate(parts, start=1)
    ]  # fmt: skip


def together(pages: Sequence[FormPage]) -> FormPage:
    """All pages as one, for a form that is sent whole."""
    return FormPage(0, None, tuple(section for page in pages for section in page.sections))


def pairs(pages: Sequence[FormPage], answers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Kept answers as the controls that give them, several choices one by one."""
    several = {field.name for page in pages for field in page.fields if field.item.type is ItemType.MULTIPLE}
    return [
        (name, one) for name, value in answers.items() for one in (value.split(" ") if name in several else [value])
    ]


def asked(page: FormPage, instrument: Instrument, answers: Mapping[str, str]) -> FormPage:
    """The page with the questions that the answers so far lead to."""
    if not page.is_routed:
        return page
    items = {item.code: item for item in instrument.items}
    unit = page.unit.code if page.unit else ""

    def kept(section: Section) -> tuple[Field, ...]:
        return tuple(one for one in section.fields if answering.is_asked(one.item, items, answers, unit))

    sections = (replace(section, fields=kept(section)) for section in page.sections)
    return replace(page, sections=tuple(section for section in sections if section.fields))


def path(pages: Sequence[FormPage], instrument: Instrument, answers: Mapping[str, str]) -> tuple[FormPage, ...]:
    """The pages that the answers so far lead through; they keep their numbers."""
    if not any(page.is_routed for page in pages):
        return tuple(pages)
    return tuple(page for page in (asked(one, instrument, answers) for one in pages) if page.fields)


def read(page: FormPage, values: Values) -> Posted:
    """Take what the page offers and refuse everything else: other values, two for one item, other names."""
    fields = {name: field for field in page.fields for name in field.names}
    answers: dict[str, str] = {}
    refusals: dict[str, Refusal | Wrong] = {}
    for name, given in values:
        if name in CONTROLS:
            continue
        if name not in fields:
            refusals[name] = Refusal.UNKNOWN
            continue
        try:
            value = _taken(fields[name], name, given)
        except Refused as refused:
            refusals[fields[name].name] = refused.wrong
        else:
            answers |= {name: value} if value else {}
    return Posted(answers, refusals)


def _taken(field: Field, name: str, given: list[str]) -> str:
    if name == field.name:
        return answering.value_of(field.item, given)
    if len(given) != 1:
        raise Refused(Wrong.TWICE)
    if name in (field.consent_name, field.forward_name):
        if given[0] != YES:
            raise Refused(Wrong.NOT_OFFERED)
        return YES
    return answering.line(given[0], LONGEST[ItemType.TEXT])


def chosen_by_writing(page: FormPage, answers: Mapping[str, str]) -> dict[str, str]:
    """Answers with the choice taken beside which somebody wrote without choosing anything."""
    found = dict(answers)
    for field in page.fields:
        for choice in field.item.choices:
            if choice.other and field.words_name(choice) in answers and field.name not in answers:
                found[field.name] = choice.code
    return found


def missing(page: FormPage, answers: Mapping[str, str]) -> dict[str, Refusal]:
    """What the page still lacks: required items left open."""
    return {field.name: Refusal.REQUIRED for field in page.fields if field.item.required and field.name not in answers}


def agreed(page: FormPage, answers: Mapping[str, str]) -> dict[str, str]:
    """Answers without those to which the consent is missing: their questions count as skipped."""
    open_ = [field for field in page.fields if field.item.consent and field.consent_name not in answers]
    return without(answers, open_)


def without(answers: Mapping[str, str], fields: Sequence[Field]) -> dict[str, str]:
    """Answers without all that was said to these questions."""
    names = {name for field in fields for name in field.names}
    return {name: value for name, value in answers.items() if name not in names}


def first_gap(pages: Sequence[FormPage], answers: Mapping[str, str]) -> int | None:
    """The first page that still lacks something, for forms whose pages were skipped."""
    return next((page.number for page in pages if missing(page, answers)), None)


def merged(draft: Mapping[str, str], page: FormPage, answers: Mapping[str, str]) -> dict[str, str]:
    """The draft with this page's answers put in place of those it had."""
    here = page.names
    return {name: value for name, value in draft.items() if name not in here} | dict(answers)


def resume_at(pages: Sequence[FormPage], answers: Mapping[str, str]) -> int:
    """The page to go on with: the last one touched while something is open on it, else the one after it.

    Past the last page lies the review, the number after the last one's.
    """
    touched = [page for page in pages if any(field.name in answers for field in page.fields)]
    if not touched:
        return 1
    last = touched[-1]
    return after(pages, last.number) if all(field.name in answers for field in last.fields) else last.number


def after(pages: Sequence[FormPage], number: int) -> int:
    """The number of the page that follows; past the last one the number after it, where the review stands."""
    return next((page.number for page in pages if page.number > number), pages[-1].number + 1)


def before(pages: Sequence[FormPage], number: int) -> int:
    """The number of the page before; 0 is the link's first page."""
    return next((page.number for page in reversed(pages) if page.number < number), 0)


def reply(field: Field, answers: Mapping[str, str], language: str) -> str:
    """An answer in words; empty when there is none that counts."""
    item, value = field.item, answers.get(field.name, "")
    if item.consent and field.consent_name not in answers:
        return ""
    if item.type is ItemType.DATE and value:
        return date_text(date.fromisoformat(value), language)
    if not item.is_choosing:
        return value
    if value == NOT_APPLICABLE:
        return item.na(language)
    told = []
    for choice in item.choices:
        if choice.code in value.split(" "):
            words = answers.get(field.words_name(choice), "") if choice.other else ""
            told.append(f"{choice.text(language)}: {words}" if words else choice.text(language))
    return "; ".join(told)


def canonical_body(values: Values) -> bytes:
    """The posted form in one fixed order, without what may differ between two sendings of the same answers."""
    pairs = [(name, value) for name, given in values if name not in UNSIGNED for value in given]
    return urlencode(sorted(pairs)).encode()


def digest(answers: Mapping[str, str]) -> str:
    """What stands for the answers that somebody looked through before sending them."""
    return hashlib.sha256(urlencode(sorted(answers.items())).encode()).hexdigest()[:24]


def minutes(pages: Sequence[FormPage]) -> int:
    """How long the form takes, as told on the first page."""
    return answering.minutes(sum(len(page.fields) for page in pages))


def standing(pages: Sequence[FormPage], answers: Mapping[str, str]) -> dict[str, str]:
    """The answers that the form still offers: a draft may be older than a block or a page."""
    items = {name: field.item for page in pages for field in page.fields for name in field.names}

    def stands(name: str, value: str) -> bool:
        extra = answering.split_name(name)[2]
        item = items[name]
        return answering.is_extra(item, extra, value) if extra else answering.is_offered(item, value)

    return {name: value for name, value in answers.items() if name in items and stands(name, value)}
