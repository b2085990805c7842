"""The questionnaire as data: what is asked, in which words, and which answers a question takes.

An instrument (mẫu phiếu) is one TOML file, read and checked whole; a wave freezes its canonical text (`source`).
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from survey import datafile, pipes, resources
from survey.datafile import Report, Table, Words
from survey.datafile import Status as Status
from survey.errors.common import UnknownInstrument
from survey.faults import Reason

MOST_ON_A_PAGE = 6
LARGEST_NUMBER = 999_999_999  # nine digits: what a page takes and an answer keeps
# The columns that `answers.csv` has beside the items: an item of such a code would hide one.
COLUMNS = frozenset(["phase", "mode", "rater", "unit", "stratum", "psu", "fpc", "weight_base", "class", "flag"])


class Audience(StrEnum):
    """Who answers: people and organisations after a procedure, or officials about units."""

    CITIZENS = "citizens"
    OFFICIALS = "officials"


class ItemType(StrEnum):
    """The kind of answer that an item takes."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    NUMBER = "number"
    DATE = "date"
    TEXT = "text"
    COMMENT = "comment"


# What the list of dossiers knows: asked again beside an answer, it would say which of the few such people gave it.
Trait = StrEnum("Trait", ["TIMING", "OUTCOME", "CHANNEL", "FIELD", "APPLICANT", "SEX", "AGE_BAND", "COMMUNE"])
CHOOSING = frozenset({ItemType.SINGLE, ItemType.MULTIPLE})
# What people write may tell who they are, and a day may stand in the frame: kept apart, each alone, without the unit.
IN_WORDS = frozenset({ItemType.DATE, ItemType.TEXT, ItemType.COMMENT})


@dataclass(frozen=True)
class Choice:
    """One answer of a list; `other` opens a line to say which, `alone` goes with no other choice."""

    code: str
    text: Words
    other: bool = False
    alone: bool = False


@dataclass(frozen=True)
class OptionList:
    """The answers of an item in their order; `na` (không áp dụng) stands apart and is stored as not applicable."""

    code: str
    choices: tuple[Choice, ...]
    na: Words

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(choice.code for choice in self.choices)

    @property
    def is_scale(self) -> bool:
        """Say whether the codes are the numbers 1 to k, so that a mean has a meaning."""
        return len(self.choices) > 1 and set(self.codes) == {str(step) for step in range(1, len(self.choices) + 1)}


@dataclass(frozen=True)
class Group:
    """A group of factors, such as public administrative services; or a group of raters, such as deputies."""

    code: str
    name: Words


@dataclass(frozen=True)
class Factor:
    """A factor (yếu tố): the items of one page, under one lead sentence; `shuffle` shows them in random order."""

    code: str
    group: str
    name: Words
    lead: Words
    shuffle: bool = False


@dataclass(frozen=True)
class Route:
    """Ask an item only of those who gave one of `choices` to an earlier item."""

    item: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """One question; `fact` items describe the respondent and never stand beside the answers."""

    code: str
    factor: str
    type: ItemType
    options: OptionList | None
    text: Words
    hint: Words
    consent: Words
    forward: Words
    route: Route | None
    required: bool
    scored: bool
    fact: bool
    least: int = 0
    most: int = 0

    @property
    def is_choosing(self) -> bool:
        return self.type in CHOOSING

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self.options.choices if self.options else ()

    @cached_property
    def codes(self) -> tuple[str, ...]:
        return tuple(choice.code for choice in self.choices)

    @property
    def na(self) -> Words:
        return self.options.na if self.options else Words(())


@dataclass(frozen=True)
class Page:
    """One screen of the form: items of one factor, or the facts at the end (`factor` is None)."""

    number: int
    factor: Factor | None
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Instrument:
    """A questionnaire, checked; `source` is its canonical text and `digest` the SHA-256 of it."""

    code: str
    version: str
    languages: tuple[str, ...]
    audience: Audience
    status: Status
    title: Words
    satisfied: tuple[str, ...]
    groups: tuple[Group, ...]
    rater_groups: tuple[Group, ...]
    factors: tuple[Factor, ...]
    lists: tuple[OptionList, ...]
    items: tuple[Item, ...]
    file: str
    source: str
    digest: str

    def item(self, code: str) -> Item:
        return next(item for item in self.items if item.code == code)

    def factor(self, code: str) -> Factor:
        return next(factor for factor in self.factors if factor.code == code)

    @property
    def answer_items(self) -> tuple[Item, ...]:
        """The items that are stored with the answer."""
        return tuple(item for item in self.items if not item.fact)

    @property
    def scored_items(self) -> tuple[Item, ...]:
        """The items that the index counts."""
        return tuple(item for item in self.items if item.scored)

    @property
    def facts(self) -> tuple[Item, ...]:
        """The items that go to the province-level table without the unit."""
        return tuple(item for item in self.items if item.fact)

    def pages(self) -> tuple[Page, ...]:
        """Return one page a factor, split where `screens` says, and the facts on the last pages."""
        parts: list[tuple[Factor | None, tuple[Item, ...]]] = []
        for factor in self.factors:
            items = tuple(item for item in self.answer_items if item.factor == factor.code)
            parts.extend((factor, part) for part in screens(items))
        parts.extend((None, part) for part in screens(self.facts))
        return tuple(Page(number, factor, items) for number, (factor, items) in enumerate(parts, start=1))


def screens(items: tuple[Item, ...]) -> list[tuple[Item, ...]]:
    """Split items into screens of at most `MOST_ON_A_PAGE`; a routed item comes after the screen that decides on it."""
    runs: list[list[Item]] = [[]]
    for item in items:
        if item.route and any(item.route.item == earlier.code for earlier in runs[-1]):
            runs.append([])
        runs[-1].append(item)
    return [part for run in runs for part in split_evenly(tuple(run), most=MOST_ON_A_PAGE)]


def split_evenly(items: tuple[Item, ...], *, most: int) -> list[tuple[Item, ...]]:
    """Split into the fewest parts of at most `most`, the sizes differing by one at most."""
    count = math.ceil(len(items) / most)
    cuts = [round(part * len(items) / count) for part in range(count + 1)] if count else []
    return [items[start:end] for start, end in itertools.pairwise(cuts)]


def builtin_instruments() -> tuple[str, ...]:
    """Return the codes of the instruments that are shipped."""
    return tuple(sorted(path.stem for path in resources.data("instruments").glob("*.toml")))


def builtin_instrument(code: str) -> Instrument:
    if code not in builtin_instruments():
        raise UnknownInstrument(code)
    return load_instrument(resources.data("instruments", f"{code}.toml"))


def load_instrument(source: Path | str, *, file: str = "instrument.toml") -> Instrument:
    """Read an instrument from a path or from its text; refuse it with all its faults (`FaultyFile`)."""
    name = source.name if isinstance(source, Path) else file
    text = datafile.canonical(source, name)
    report = Report(name)
    instrument = _read(datafile.open_table(text, report), text)
    report.settle()
    return instrument


def _read(table: Table, text: str) -> Instrument:
    code, version = table.code(), table.text("version")
    table.report.languages = table.codes("languages")
    audience, status = table.word("audience", Audience), table.word("status", Status)
    title, satisfied = table.words("title"), table.codes("satisfied", required=False)
    groups, rater_groups = _read_groups(table, "group"), _read_groups(table, "rater_group")
    factors = _read_factors(table, {group.code for group in groups})
    lists = _read_lists(table)
    items = _read_items(
        table, {factor.code: factor for factor in reversed(factors)}, {one.code: one for one in reversed(lists)}
    )
    table.close()
    _check_satisfied(table, satisfied, items)
    return Instrument(
        code, version, table.report.languages, audience, status, title, satisfied,
        groups, rater_groups, factors, lists, items, table.report.file, text, datafile.digest(text),
    )  # fmt: skip


def _read_groups(table: Table, key: str) -> tuple[Group, ...]:
    read: list[tuple[Table, Group]] = []
    for row in table.tables(key, required=False):
        read.append((row, Group(row.code(), row.words("name"))))
        row.close()
    datafile.report_repeats((row, group.code) for row, group in read)
    return tuple(group for _, group in read)


def _read_factors(table: Table, groups: set[str]) -> tuple[Factor, ...]:
    read: list[tuple[Table, Factor]] = []
    for row in table.tables("factor"):
        factor = Factor(
            row.code(), row.text("group", default=""), row.words("name"), row.optional_words("lead"),
            row.flag("shuffle", default=False),
        )  # fmt: skip
        if factor.group and factor.group not in groups:
            row.fault("group", Reason.UNKNOWN_GROUP, f'"{factor.group}"')
        pipes.check_plain(row, name=factor.name, lead=factor.lead)
        row.close()
        read.append((row, factor))
    datafile.report_repeats((row, factor.code) for row, factor in read)
    return tuple(factor for _, factor in read)


def _read_lists(table: Table) -> tuple[OptionList, ...]:
    read: list[tuple[Table, OptionList]] = []
    for row in table.tables("options", required=False):
        code, choices = row.code(), []
        for cell in row.tables("choices"):
            choice = Choice(
                cell.code(), cell.words("text"), cell.flag("other", default=False), cell.flag("alone", default=False)
            )
            pipes.check_plain(cell, text=choice.text)
            cell.close()
            choices.append((cell, choice))
        datafile.report_repeats((cell, choice.code) for cell, choice in choices)
        read.append((row, OptionList(code, tuple(choice for _, choice in choices), row.optional_words("na"))))
        pipes.check_plain(row, na=read[-1][1].na)
        row.close()
    datafile.report_repeats((row, one.code) for row, one in read)
    return tuple(one for _, one in read)


def _read_items(table: Table, factors: Mapping[str, Factor], lists: Mapping[str, OptionList]) -> tuple[Item, ...]:
    read: list[tuple[Table, Item]] = []
    for row in table.tables("item"):
        read.append((row, _read_item(row, factors, lists, {item.code: item for _, item in read})))
        row.close()
    datafile.report_repeats((row, item.code) for row, item in read)
    for row, _item in [pair for pair in read if pair[1].forward][1:]:
        row.fault("forward", Reason.DUPLICATE, "forward")  # ten comments must be those of ten people
    return tuple(item for _, item in read)


def _read_item(
    row: Table, factors: Mapping[str, Factor], lists: Mapping[str, OptionList], earlier: Mapping[str, Item]
) -> Item:
    code, kind = row.code(), row.word("type", ItemType)
    if code in COLUMNS:
        row.fault("code", Reason.RESERVED_CODE, f'"{code}"')
    fact = row.flag("fact", default=False)
    options = _read_options(row, kind, lists)
    factor = _read_factor(row, factors, fact=fact)
    rated = kind is ItemType.SINGLE and options is not None and options.is_scale
    scored = row.flag("scored", default=rated and not fact)
    if scored and not rated:
        row.fault("scored", Reason.NOT_A_SCALE, f'"{options.code}"' if options else "-")
    if scored and factor in factors and not factors[factor].group:
        row.fault("factor", Reason.UNFIT, f"scored items: factor {factor} has no group")
    if row.has("repeats") and row.word("repeats", Trait) and not fact:
        row.fault("repeats", Reason.UNFIT, "fact = false")
    pipes.check(row, text := row.words("text"), {code: _may_be_taken_in(item) for code, item in earlier.items()})
    hint, consent, forward = (row.optional_words(key) for key in ("hint", "consent", "forward"))
    pipes.check_plain(row, hint=hint, consent=consent, forward=forward)
    is_number = kind is ItemType.NUMBER
    least = row.whole("min", least=0, default=0) if is_number else 0
    most = row.whole("max", least=max(least, 1), most=LARGEST_NUMBER) if is_number else 0
    if forward and kind is not ItemType.COMMENT:
        row.fault("forward", Reason.UNFIT, f"type {kind}")
    return Item(
        code, factor, kind, options, text, hint, consent, forward,
        _read_route(row, earlier, fact=fact), row.flag("required", default=False), scored, fact,
        least, most,
    )  # fmt: skip


def _may_be_taken_in(item: Item) -> bool:
    """A choice or a number; nothing that was typed, nothing from the frame."""
    is_typed = any(choice.other for choice in item.choices)  # what is written beside a choice would be taken in with it
    return item.type in (ItemType.SINGLE, ItemType.NUMBER) and not item.fact and not is_typed


def _read_options(row: Table, kind: ItemType, lists: Mapping[str, OptionList]) -> OptionList | None:
    if kind not in CHOOSING:
        if row.text("options", default=""):
            row.fault("options", Reason.UNFIT, f"type {kind}")
        return None
    name = row.text("options")
    if name and name not in lists:
        row.fault("options", Reason.UNKNOWN_LIST, f'"{name}"')
    return lists.get(name)


def _read_factor(row: Table, factors: Mapping[str, Factor], *, fact: bool) -> str:
    if fact:
        if row.text("factor", default=""):
            row.fault("factor", Reason.UNFIT, "fact = true")
        return ""
    name = row.text("factor")
    if name and name not in factors:
        row.fault("factor", Reason.UNKNOWN_FACTOR, f'"{name}"')
    return name


def _read_route(row: Table, earlier: Mapping[str, Item], *, fact: bool) -> Route | None:
    table = row.table("route", required=False)
    if table is None:
        return None
    route = Route(table.text("item"), table.codes("choices"))
    table.close()
    if route.item not in earlier:
        table.fault("item", Reason.NOT_EARLIER, f'"{route.item}"')
        return route
    if earlier[route.item].fact != fact:  # facts are kept apart: neither may tell of the other
        table.fault("item", Reason.UNFIT, f"fact = {str(fact).lower()}")
    for choice in (one for one in route.choices if one not in earlier[route.item].codes):
        table.fault("choices", Reason.UNKNOWN_CHOICE, f'"{choice}"')
    return route


def _check_satisfied(table: Table, satisfied: tuple[str, ...], items: tuple[Item, ...]) -> None:
    """An index counts the satisfied codes, so every scored list must have them, and there must be some."""
    lists = {
        item.options.code: item.options for item in items if item.scored and item.options and item.options.is_scale
    }
    if lists and not satisfied:
        table.fault("satisfied", Reason.EMPTY if table.has("satisfied") else Reason.MISSING)
    for one in lists.values():
        for code in satisfied:
            if code not in one.codes:
                table.fault("satisfied", Reason.UNKNOWN_CHOICE, f'"{code}" ({one.code})')
