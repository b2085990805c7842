"""The site's two languages: translated sentences, and numbers, dates and times as each language writes them.

Catalogues are read straight from the `.po` files once a process: no compiled copy can go stale.
"""

from __future__ import annotations

import gettext as standard
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

from survey import resources
from survey.config import PROVINCE_TIME

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ABSENT = "–"


class Language(StrEnum):
    """What a page may be written in; the first one unless the reader chooses."""

    VI = "vi"
    EN = "en"


DEFAULT = Language.VI
GROUPED = {
    Language.VI: re.compile(r"(-?)([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,([0-9]+))?"),
    Language.EN: re.compile(r"(-?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]+))?"),
}
OWN_NAMES = {Language.VI: "Tiếng Việt", Language.EN: "English"}


def mark(message: str) -> str:
    """Mark a sentence for extraction where it is stored; it is translated where it is shown (imported as `_n`)."""
    return message


@dataclass(frozen=True)
class Translator:
    """One language's sentences; the English source stands in for one that is missing."""

    language: Language
    sentences: Mapping[str, tuple[str, ...]]
    plural: Callable[[int], int]

    def gettext(self, message: str) -> str:
        return self.sentences[message][0] if message in self.sentences else message

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        forms = self.sentences.get(singular)
        if forms is None:
            return singular if n == 1 else plural
        return forms[min(self.plural(n), len(forms) - 1)]


@cache
def translator(language: str) -> Translator:
    """The translator of a language, read once a process."""
    chosen = Language(language)
    with catalogue_path(chosen).open("rb") as file:
        catalogue = read_po(file, locale=chosen.value)
    sentences: dict[str, tuple[str, ...]] = {}
    for message in catalogue:
        key = message.id[0] if isinstance(message.id, (list, tuple)) else message.id
        forms = message.string if isinstance(message.string, (list, tuple)) else (message.string or "",)
        if key and all(forms) and not message.fuzzy:
            sentences[key] = tuple(forms)
    return Translator(chosen, sentences, standard.c2py(catalogue.plural_expr))


def catalogue_path(language: Language) -> Path:
    return resources.tree(resources.Tree.TRANSLATIONS) / language / "LC_MESSAGES" / "messages.po"


def number(value: Decimal | int | float | str, language: str, decimals: int = 0) -> str:
    """A number as the language writes it: `1.234,5` or `1,234.5`; halves are rounded away from zero."""
    exact = Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    text = f"{exact + 0:,.{decimals}f}"
    return text.translate(str.maketrans(",.", ".,")) if language == Language.VI else text


def date_text(value: date, language: str) -> str:
    """A civil date: `31/12/2025` or `31 Dec 2025`."""
    if language == Language.VI:
        return f"{value:%d/%m/%Y}"
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def instant_text(value: datetime, language: str) -> str:
    """An instant by the clock of the province (Asia/Ho_Chi_Minh), to the minute."""
    local = value.astimezone(PROVINCE_TIME)
    return f"{local:%H:%M}, {date_text(local.date(), language)}"


def parse_number(text: str, language: str) -> Decimal | None:
    """The number that a person wrote the language's way, or None: `1.5` is refused in Vietnamese, never guessed at."""
    found = GROUPED[Language(language)].fullmatch("".join(text.split()))
    if found is None:
        return None
    sign, whole, rest = found.groups()
    return Decimal(f"{sign}{whole.replace('.', '').replace(',', '')}.{rest or '0'}")
