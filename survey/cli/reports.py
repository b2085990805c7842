"""`hailong results report`: a wave's or a unit's report as PDF, and for word processors."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import click

from survey.cli.context import LANGUAGE, open_site, refuses, say
from survey.cli.database import DATABASE
from survey.cli.scores import results
from survey.i18n import Language
from survey.paper import printing, word
from survey.paper.document import Document
from survey.stages import results as stored
from survey.stages import units as unit_list
from survey.stages import waves


class Format(StrEnum):
    """What a report is written as; the file's name ends so."""

    PDF = "pdf"
    DOCX = "docx"


FORMAT = click.option(
    "--format", "formats", type=click.Choice([one.value for one in Format]), multiple=True, default=[Format.PDF.value],
    show_default=True, help="May be repeated.",
)  # fmt: skip


@results.command()
@click.argument("wave")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR")
@click.option("--unit", "chosen", multiple=True, metavar="CODE", help="May be repeated; the whole wave when left out.")
@click.option("--every-unit", is_flag=True, help="The whole wave and each unit.")
@FORMAT
@LANGUAGE
@DATABASE
@refuses
def report(
    wave: str, out: Path, chosen: tuple[str, ...], every_unit: bool, formats: tuple[str, ...], language: str,
    database: str | None,
) -> None:  # fmt: skip
    """Write WAVE's report, or those of units, into DIR as tagged PDF or DOCX: the same run gives the same bytes."""
    from survey.app import create_app
    from survey.web.report import compose, views
    from survey.web.site import use_language

    site = open_site(database)
    app = create_app(site.settings, database=site.database)
    out.mkdir(parents=True, exist_ok=True)
    with app.test_request_context(base_url=site.settings.base_url), site.database.read() as session:
        use_language(Language(language))
        found = waves.find(session, wave)
        made = stored.latest(session, found).made_at
        codes = [unit.code for unit, _target in waves.units_of(session, found)] if every_unit else list(chosen)
        for code in codes:
            unit_list.find(session, code)
        writers: dict[str, Callable[[Document], bytes]] = {
            Format.PDF: lambda document: printing.as_pdf(views.page(document)),
            Format.DOCX: lambda document: word.as_docx(document, made=made),
        }
        documents: list[tuple[str, Document | None]] = []
        if every_unit or not chosen:
            documents.append((wave, compose.province(session, found, None)))
        documents += [(f"{wave}.{code}", compose.unit(session, found, code, None)) for code in codes]
        for name, document in documents:
            if document is None:
                continue
            for kind in formats:
                (out / f"{name}.{language}.{kind}").write_bytes(writers[kind](document))
                say(f"{name}.{language}.{kind}")
