"""How templates write numbers, dates and times in the reader's language."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from flask import Flask

from survey import i18n
from survey.datafile import Words
from survey.paper import bars
from survey.paper.printing import qr
from survey.sentences import refusals as sentences
from survey.web.site import language, translations


def number(value: Decimal | int | float | str | None, decimals: int = 0) -> str:
    """A number, or a dash where there is none."""
    return i18n.ABSENT if value is None or value == "" else i18n.number(value, language(), decimals)


def date_text(value: date) -> str:
    return i18n.date_text(value, language())


def instant_text(value: datetime) -> str:
    return i18n.instant_text(value, language())


def words(value: Words) -> str:
    """The text of an instrument or scheme in the reader's language."""
    return value(language())


def codeword(code: str) -> str:
    """A code of the data in the reader's words."""
    return sentences.word(str(code), translations())


def register(app: Flask) -> None:
    app.add_template_filter(number)
    app.add_template_filter(date_text, "date")
    app.add_template_filter(instant_text, "instant")
    app.add_template_filter(words)
    app.add_template_filter(codeword)
    app.add_template_filter(bars.measures)
    app.add_template_filter(qr)
