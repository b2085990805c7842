"""A questionnaire laid out for paper: tables where questions share their answers, routing said in sentences."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from survey.answers import NOT_APPLICABLE
from survey.i18n import mark as _n
from survey.instrument import Factor, Instrument, Item, ItemType, OptionList
from survey.paper.typed import box_numbers, in_order, not_applicable_sign
from survey.pipes import PIPE

MOST_COLUMNS = 5
SHORT = 22  # letters
WRITING_LINES = {ItemType.TEXT: 1, ItemType.COMMENT: 4, ItemType.NUMBER: 1, ItemType.DATE: 1}
ANSWER_TO = _n("[your answer to question %(code)s]")
ONLY_IF = _n("Answer only if you ticked %(boxes)s at question %(code)s.")
GO_TO = _n("If you ticked %(boxes)s, go to question %(code)s.")
TO_THE_END = _n("If you ticked %(boxes)s, you have come to the end.")
GO_TO_WITHOUT = _n("If you did not tick %(boxes)s, go to question %(code)s.")
TO_THE_END_WITHOUT = _n("If you did not tick %(boxes)s, you have come to the end.")
EITHER = _n("%(list)s or %(last)s")
Say = Callable[[str], str]


@dataclass(frozen=True)
class Box:
    """A box to tick: the number beside it, its words, whether a line follows to say which."""

    number: str
    text: str
    has_line: bool = False


@dataclass(frozen=True)
class Question:
    """One item in one language."""

    code: str
    kind: str
    text: str
    hint: str
    consent: str
    forward: str
    only_if: str
    boxes: tuple[Box, ...]
    apart: Box | None
    jumps: tuple[str, ...]
    lines: int

    @property
    def is_short(self) -> bool:
        """Whether four boxes fit beside each other."""
        return all(len(box.text) <= SHORT and not box.has_line for box in self.boxes)


@dataclass(frozen=True)
class Block:
    """Questions that stand together; as a table when they share their answers and lead nowhere else."""

    is_table: bool
    questions: tuple[Question, ...]

    @property
    def head(self) -> Question:
        return self.questions[0]


@dataclass(frozen=True)
class Part:
    """What stands under one heading: a factor, or (None) what people tell of themselves."""

    factor: Factor | None
    blocks: tuple[Block, ...]


def parts_of(instrument: Instrument, lang: str, say: Say) -> tuple[Part, ...]:
    """The whole questionnaire in the order of the pages; `say` translates the sentences that paper adds."""
    items = in_order(instrument)
    factors = {factor.code: factor for factor in instrument.factors}
    jumps = {item.code: jumps_from(item, items, say) for item in items}
    questions = {item.code: _question(item, instrument, lang, say, jumps[item.code]) for item in items}
    return tuple(
        Part(factors.get(code), tuple(_blocks(list(under), questions)))
        for code, under in itertools.groupby(items, key=lambda item: item.factor)
    )


def _question(item: Item, instrument: Instrument, lang: str, say: Say, jumps: tuple[str, ...]) -> Question:
    numbers = box_numbers(item)
    sign = not_applicable_sign(item)
    return Question(
        code=item.code,
        kind=item.type.value,
        text=PIPE.sub(lambda found: say(ANSWER_TO) % {"code": found[1]}, item.text(lang)),
        hint=item.hint(lang),
        consent=item.consent(lang),
        forward=item.forward(lang),
        only_if=_only_if(item, instrument, say),
        boxes=tuple(Box(numbers[one.code], one.text(lang), one.other) for one in item.choices),
        apart=Box(sign, item.na(lang)) if sign else None,
        jumps=jumps,
        lines=WRITING_LINES.get(item.type, 0),
    )


def _blocks(items: Sequence[Item], questions: Mapping[str, Question]) -> Iterator[Block]:
    def shape(item: Item) -> tuple[OptionList | None, bool]:
        question = questions[item.code]
        plain = item.type is ItemType.SINGLE and len(item.choices) <= MOST_COLUMNS
        has_more = question.only_if or question.jumps or item.consent or any(box.has_line for box in question.boxes)
        return item.options, plain and not has_more

    for (_options, fits), run in itertools.groupby(items, key=shape):
        found = tuple(questions[item.code] for item in run)
        if fits and len(found) > 1:
            yield Block(True, found)
        else:
            yield from (Block(False, (one,)) for one in found)


# --- routing in sentences


def _only_if(item: Item, instrument: Instrument, say: Say) -> str:
    """Who answers, where not everybody does: stands above the question, for those who did not follow the arrow."""
    if item.route is None:
        return ""
    numbers = box_numbers(instrument.item(item.route.item))
    taken = _either([numbers[code] for code in item.route.choices], say)
    return say(ONLY_IF) % {"boxes": taken, "code": item.route.item}


def jumps_from(item: Item, items: Sequence[Item], say: Say) -> tuple[str, ...]:
    """Where each answer of a question leads, when that is not the next question: "If 2 or 3, go to question S20." """
    if item.type is ItemType.MULTIPLE:
        return _jump_without(item, items, say)
    later = items[items.index(item) + 1 :]
    if not later:
        return ()
    numbers = box_numbers(item) | ({NOT_APPLICABLE: not_applicable_sign(item)} if item.na else {})
    targets: dict[Item | None, list[str]] = {}
    for code in numbers:
        target = _next(item, {code}, later)
        if target is not later[0]:
            targets.setdefault(target, []).append(numbers[code])
    return tuple(_jump(_either(boxes, say), target, say) for target, boxes in targets.items())


def _jump_without(item: Item, items: Sequence[Item], say: Say) -> tuple[str, ...]:
    """Several boxes may be ticked: who ticked none of those that the next questions need goes past these."""
    later = items[items.index(item) + 1 :]
    if not later or later[0].route is None or later[0].route.item != item.code:
        return ()
    numbers = box_numbers(item)
    needed = later[0].route.choices
    target = _next(item, set(item.codes) - set(needed), later)
    boxes = _either([numbers[code] for code in needed], say)
    if target is None:
        return (say(TO_THE_END_WITHOUT) % {"boxes": boxes},)
    return (say(GO_TO_WITHOUT) % {"boxes": boxes, "code": target.code},)


def _jump(boxes: str, target: Item | None, say: Say) -> str:
    if target is None:
        return say(TO_THE_END) % {"boxes": boxes}
    return say(GO_TO) % {"boxes": boxes, "code": target.code}


def _next(item: Item, given: set[str], later: Sequence[Item]) -> Item | None:
    """The first of the later items that somebody with these answers to `item` is asked."""
    skipped: set[str] = set()
    for one in later:
        route = one.route
        if route is None:
            return one
        misses = route.item == item.code and given.isdisjoint(route.choices)
        if not misses and route.item not in skipped:
            return one
        skipped.add(one.code)
    return None


def _either(boxes: Sequence[str], say: Say) -> str:
    """ "2", "2 or 3", "1, 2 or 3"."""
    if len(boxes) == 1:
        return boxes[0]
    return say(EITHER) % {"list": ", ".join(boxes[:-1]), "last": boxes[-1]}
