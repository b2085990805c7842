"""Printed matter as PDF: A4, tagged for screen readers, the same bytes for the same content; nothing is fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from survey import resources
from survey.datafile import Words
from survey.errors.common import ExtraMissing
from survey.i18n import Translator
from survey.instrument import Instrument
from survey.paper.layout import parts_of
from survey.paper.numbers import spaced

CODE_CUTS = ((0, 4), (4, 8), (8, 13))
CARDS_ON_A_PAGE = 8


@dataclass(frozen=True)
class SheetText:
    """What is of one sheet alone: its number and link, the unit asked about, and to whom it is sent."""

    number: str
    link: str
    unit: Words
    name: str = ""
    address: str = ""

    @property
    def spaced(self) -> str:
        return spaced(self.number)

    @property
    def picture(self) -> str:
        return qr(self.link)


@dataclass(frozen=True)
class CardText:
    """One sealed card: its link, and the words of the lot that it belongs to."""

    link: str
    group: Words
    agency: Words

    @property
    def picture(self) -> str:
        return qr(self.link)

    @property
    def base(self) -> str:
        """What stands before the code, without the scheme that browsers add themselves."""
        return self.link.rpartition("/")[0].partition("://")[2] + "/"

    @property
    def groups(self) -> tuple[str, ...]:
        """The code in short groups, for those who type it."""
        code = self.link.rpartition("/")[2]
        return tuple(code[start:end] for start, end in CODE_CUTS)


@dataclass(frozen=True)
class Letter:
    """What the sender says on everything that is printed: who asks, whom to call."""

    sender: Words
    contact: Words
    closes: str
    is_rehearsal: bool


def questionnaires(instrument: Instrument, sheets: Sequence[SheetText], letter: Letter, *, said: Translator) -> bytes:
    """A PDF with every sheet, each on leaves of its own; without sheets, one blank specimen."""
    parts = parts_of(instrument, said.language, said.gettext)
    return _pdf(
        "paper/print/questionnaire.html", said, instrument=instrument, parts=parts, sheets=list(sheets) or [None],
        letter=letter,
    )  # fmt: skip


def cards(lots: Sequence[Sequence[CardText]], letter: Letter, *, said: Translator) -> bytes:
    """A PDF of cards to cut and fold, eight on a page; every lot begins a new page."""
    pages = [lot[start : start + CARDS_ON_A_PAGE] for lot in lots for start in range(0, len(lot), CARDS_ON_A_PAGE)]
    return _pdf("paper/print/cards.html", said, pages=pages, letter=letter)


def qr(link: str) -> str:
    """The link as a picture that a phone reads, its quiet zone included."""
    code: str = segno.make(link, error="m", micro=False).svg_data_uri(border=4, scale=4)
    return code


def _pdf(template: str, said: Translator, **values: Any) -> bytes:
    return as_pdf(_environment(said).get_template(template).render(lang=said.language, **values))


def as_pdf(html: str) -> bytes:
    """A page of ours as a tagged PDF; the same page gives the same bytes."""
    try:
        import weasyprint  # an extra: it needs libraries that a respondents' server can do without
    except ImportError as error:
        raise ExtraMissing(extra="reports") from error
    nothing = weasyprint.URLFetcher(allowed_protocols={"data"}, allow_redirects=False)  # no network, no files
    document = weasyprint.HTML(string=html, url_fetcher=nothing)
    pdf: bytes = document.write_pdf(pdf_variant="pdf/ua-1", pdf_tags=True, pdf_identifier=b"hailong")
    return pdf


def _environment(said: Translator) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(resources.tree(resources.Tree.TEMPLATES)), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        said.gettext, said.ngettext, newstyle=True
    )
    return environment
