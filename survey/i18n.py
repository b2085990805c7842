"""The site's languages: translated sentences, and numbers, dates and times as each language writes them.

A language is a folder with a catalogue, `<code>/LC_MESSAGES/messages.po`: the shipped ones, and a province's own in
another folder. Catalogues are read straight from the `.po` files once a process: no compiled copy can go stale.
"""

from __future__ import annotations

import gettext as standard
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import NewType

from babel import Locale, UnknownLocaleError
from babel.messages.pofile import read_po

from survey import resources
from survey.config import PROVINCE_TIME

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ABSENT = "–"
CATALOGUE = Path("LC_MESSAGES", "messages.po")
CODE = re.compile(r"[a-z]{2,8}(?:-[A-Za-z0-9]{2,8})*")
OWN_NAME = re.compile(r'^"X-Own-Name:\s*(.*?)\s*\\n"$', re.MULTILINE)

Language = NewType("Language", str)
VI, EN = Language("vi"), Language("en")
DEFAULT = VI  # of a page, unless the reader chooses; and what stands in where a third language lacks a sentence


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
def own_names(own: Path | None = None) -> Mapping[Language, str]:
    """The languages that have a catalogue, in the folder `own` too, each by the name that its speakers give it."""
    folders = [resources.tree(resources.Tree.TRANSLATIONS), *([own] if own else [])]
    found = {path.parents[1].name: path for folder in folders for path in sorted(folder.glob(f"*/{CATALOGUE}"))}
    order = [VI, EN, *sorted(code for code in found if code not in (VI, EN) and CODE.fullmatch(code))]
    return {Language(code): _own_name(code, found[code]) for code in order if code in found}


def _own_name(code: str, catalogue: Path) -> str:
    """What the catalogue's header says (`X-Own-Name`), else what Unicode's lists know, else the code."""
    said = OWN_NAME.search(catalogue.read_text(encoding="utf-8").partition("\n\n")[0])
    locale = _locale(code)
    return (said[1] if said else "") or (locale and locale.display_name) or code


def _locale(code: str) -> Locale | None:
    try:
        return Locale.parse(code, sep="-")
    except (UnknownLocaleError, ValueError):
        return None


@cache
def translator(language: str, own: Path | None = None) -> Translator:
    """The translator of a language, read once a process; what a third language lacks is said in Vietnamese."""
    chosen = Language(language)
    with catalogue_path(chosen, own).open("rb") as file:
        catalogue = read_po(file, locale=chosen if _locale(chosen) else None)
    sentences = {} if chosen in (VI, EN) else dict(translator(DEFAULT).sentences)
    for message in catalogue:
        key = message.id[0] if isinstance(message.id, (list, tuple)) else message.id
        forms = message.string if isinstance(message.string, (list, tuple)) else (message.string or "",)
        if key and all(forms) and not message.fuzzy:
            sentences[key] = tuple(forms)
    return Translator(chosen, sentences, standard.c2py(catalogue.plural_expr))


def catalogue_path(language: Language, own: Path | None = None) -> Path:
    """A province's own catalogue comes before the shipped one."""
    mine = own / language / CATALOGUE if own else None
    return mine if mine and mine.exists() else resources.tree(resources.Tree.TRANSLATIONS) / language / CATALOGUE


@cache
def _signs(language: str) -> tuple[str, str]:
    """What stands between thousands and before decimals; as in Vietnamese where nobody knows."""
    symbols = (_locale(language) or Locale.parse(DEFAULT)).number_symbols
    latin = symbols.get("latn", symbols)
    return latin["group"], latin["decimal"]


@cache
def _grouped(language: str) -> re.Pattern[str]:
    group, point = (re.escape(sign) for sign in _signs(language))
    return re.compile(rf"(-?)([0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+)(?:{point}([0-9]+))?")


def number(value: Decimal | int | float | str, language: str, decimals: int = 0) -> str:
    """A number as the language writes it: `1.234,5` or `1,234.5`; halves are rounded away from zero."""
    exact = Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    text = f"{exact + 0:,.{decimals}f}"
    group, point = _signs(language)
    return text.translate({ord(","): group, ord("."): point})


def date_text(value: date, language: str) -> str:
    """A civil date: `31/12/2025`, in English `31 Dec 2025`."""
    if language == EN:
        return f"{value.day} {MONTHS[value.month - 1]} {value.year}"
    return f"{value:%d/%m/%Y}"


def instant_text(value: datetime, language: str) -> str:
    """An instant by the clock of the province (Asia/Ho_Chi_Minh), to the minute."""
    local = value.astimezone(PROVINCE_TIME)
    return f"{local:%H:%M}, {date_text(local.date(), language)}"


def parse_number(text: str, language: str) -> Decimal | None:
    """The number that a person wrote the language's way, or None: `1.5` is refused in Vietnamese, never guessed at."""
    found = _grouped(language).fullmatch("".join(text.split()))
    if found is None:
        return None
    sign, whole, rest = found.groups()
    return Decimal(f"{sign}{whole.replace(_signs(language)[0], '')}.{rest or '0'}")
