"""The codebook of a questionnaire: how each answer stands in a data file, with its words in both languages.

A choice is a number (its own where the codes are whole numbers, else its place in the list), each choice of several is
a variable of its own (1 chosen, 0 not). What people write is in no data file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from survey.answers import NOT_APPLICABLE
from survey.datafile import Words
from survey.instrument import IN_WORDS, Audience, Instrument, Item, ItemType

NOT_APPLIES, NOT_SAID = -7, -9  # the first answer of people to whom a question does not apply, and no answer at all
MISSING = (
    (NOT_APPLIES, Words((("vi", "Không áp dụng hoặc không hỏi"), ("en", "Does not apply, or not asked")))),
    (NOT_SAID, Words((("vi", "Không trả lời"), ("en", "Not answered")))),
)
HEADS = {
    "phase": Words((("vi", "Giai đoạn của đợt khảo sát"), ("en", "Phase of the wave"))),
    "mode": Words((("vi", "Cách trả lời"), ("en", "Way of answering"))),
    "unit": Words((("vi", "Mã đơn vị được đánh giá; trống khi dưới 10 phiếu"),
                   ("en", "Code of the rated unit; empty where it has fewer than 10 answers"))),
    "stratum": Words((("vi", "Tầng của mẫu; của công chức: nhóm người đánh giá"),
                      ("en", "Stratum of the sample; of officials: group of raters"))),
    "weight_base": Words((("vi", "Quyền số thiết kế"), ("en", "Design weight"))),
    "rater": Words((("vi", "Người đánh giá, số ngẫu nhiên"), ("en", "Rater, a random number"))),
}  # fmt: skip
NAMES = ("mode", "unit", "stratum")  # what stands before the items as text
CHOSEN = ((0, Words((("vi", "Không chọn"), ("en", "Not chosen")))), (1, Words((("vi", "Chọn"), ("en", "Chosen")))))
NAME = re.compile(r"[^A-Za-z0-9_]")
LONGEST_NAME = 32


@dataclass(frozen=True)
class Variable:
    """One column of a data file: the item and, of several choices, the one that it stands for."""

    name: str
    item: Item
    label: Words
    values: tuple[tuple[int, Words], ...]
    codes: tuple[tuple[str, int], ...]
    choice: str = ""

    @property
    def is_number(self) -> bool:
        return self.item.type is ItemType.NUMBER

    def value(self, said: str | None) -> int:
        """What was said as a number; `said` is None where nothing was, several choices stand in one text."""
        if said is None:
            return NOT_SAID
        if said == NOT_APPLICABLE:
            return NOT_APPLIES
        if self.is_number:
            return int(said)
        if self.choice:
            return int(self.choice in said.split())
        return dict(self.codes)[said]


def variables(instrument: Instrument) -> tuple[Variable, ...]:
    """The variables of the questionnaire's answers, in its order; facts and words stand elsewhere."""
    return tuple(one for item in instrument.answer_items if item.type not in IN_WORDS for one in _of(item))


def heads(instrument: Instrument) -> dict[str, Words]:
    """What stands before the items in a data file, in its order."""
    raters = instrument.audience is Audience.OFFICIALS
    return {name: told for name, told in HEADS.items() if raters or name != "rater"}


def _of(item: Item) -> Iterator[Variable]:
    if item.type is ItemType.MULTIPLE:
        for choice in item.choices:
            label = Words(tuple((lang, f"{text}: {choice.text(lang)}") for lang, text in item.text.pairs))
            yield Variable(name_of(f"{item.code}_{choice.code}"), item, label, (*CHOSEN, *MISSING), (), choice.code)
        return
    numbers = _numbers(item.codes)
    values = tuple((numbers[choice.code], choice.text) for choice in item.choices)
    yield Variable(name_of(item.code), item, item.text, (*values, *MISSING), tuple(numbers.items()))


def _numbers(codes: tuple[str, ...]) -> dict[str, int]:
    """Each code as a number: itself, or its place where one of the list is none."""
    if all(code.isascii() and code.isdigit() for code in codes) and len({int(code) for code in codes}) == len(codes):
        return {code: int(code) for code in codes}
    return {code: place for place, code in enumerate(codes, start=1)}


def name_of(code: str) -> str:
    """A name that SPSS and Stata both take."""
    text = NAME.sub("_", code)
    return (text if text[:1].isalpha() else f"q_{text}")[:LONGEST_NAME]


def lines(instrument: Instrument) -> Iterator[tuple[str, str, str, str, str, str, str]]:
    """The codebook as rows: variable, item, question in both languages, value, its words in both languages."""
    for name, told in heads(instrument).items():
        yield (name, "", told("vi"), told("en"), "", "", "")
    for one in variables(instrument):
        codes = {number: code for code, number in one.codes}
        head = (one.name, one.item.code, one.label("vi"), one.label("en"))
        for number, words in one.values:
            own = codes.get(number, str(number))
            value = str(number) if own == str(number) else f"{number} ({own})"
            yield (*head, value, words("vi"), words("en"))


HEADER = ("variable", "item", "question_vi", "question_en", "value", "label_vi", "label_en")
