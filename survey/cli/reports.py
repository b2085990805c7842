"""`hailong results report`: a wave's or a unit's report as PDF."""

from __future__ import annotations

from pathlib import Path

import click

from survey.cli.context import open_site, refuses, say
from survey.cli.database import DATABASE
from survey.i18n import Language
from survey.paper import printing
from survey.stages import units as unit_list
from survey.stages import waves

LANGUAGE = click.option(
    "--language", type=click.Choice([one.value for one in Language]), default="vi", show_default=True
)


@click.command()
@click.argument("wave")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR")
@click.option("--unit", "chosen", multiple=True, metavar="CODE", help="May be repeated; the whole wave when left out.")
@click.option("--every-unit", is_flag=True, help="The whole wave and each unit.")
@LANGUAGE
@DATABASE
@refuses
def report(
    wave: str, out: Path, chosen: tuple[str, ...], every_unit: bool, language: str, database: str | None
) -> None:
    """Write WAVE's report, or those of units, as tagged PDFs into DIR: the same run gives the same bytes."""
    from survey.app import create_app
    from survey.web import report as pages
    from survey.web.site import use_language

    site = open_site(database)
    app = create_app(site.settings, database=site.database)
    out.mkdir(parents=True, exist_ok=True)
    with app.test_request_context(base_url=site.settings.base_url), site.database.read() as session:
        use_language(Language(language))
        found = waves.find(session, wave)
        codes = [unit.code for unit, _target in waves.units_of(session, found)] if every_unit else list(chosen)
        for code in codes:
            unit_list.find(session, code)
        texts = (
            {} if chosen and not every_unit else {f"{wave}.{language}.pdf": pages.province_text(session, found, None)}
        )
        for code in codes:
            texts[f"{wave}.{code}.{language}.pdf"] = pages.unit_text(session, found, code, None)
        for name, text in texts.items():
            if text:
                (out / name).write_bytes(printing.as_pdf(text))
                say(name)
