"""`hailong papers` and `hailong invitations cards`: what is printed, for those whom no message reaches or may reach."""

from __future__ import annotations

import os
from pathlib import Path
from random import SystemRandom

import click
from sqlalchemy.orm import Session

from survey.cli.context import LANGUAGE, Site, actor, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.cli.fieldwork import JSON, invitations
from survey.datafile import Words
from survey.i18n import instant_text, translator
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.paper import printing
from survey.paper.printing import CardText, Letter, SheetText
from survey.stages import lots, sheets, waves

OUT = click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE")


@click.group()
def papers() -> None:
    """Questionnaires on paper, to be sent, filled in and typed in twice."""


@papers.command("print")
@click.argument("wave")
@OUT
@click.option("--unit", metavar="CODE", help="Everybody invited of this unit, with or without a phone.")
@click.option("--blank", is_flag=True, help="One specimen without a number.")
@LANGUAGE
@DATABASE
@JSON
@refuses
def print_(
    wave: str, out: Path, unit: str | None, blank: bool, language: str, database: str | None, as_json: bool
) -> None:
    """Write FILE (PDF): a sheet for everybody invited whom no message reaches, or for all of --unit.

    The sheets let their holder answer for people: only you can read FILE; delete it when they are printed.
    """
    if blank and unit:
        raise click.UsageError("--blank is a specimen without a unit")
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        made = [] if blank else _allot(session, site, found, unit)
        letter = _letter(session, found, language)
        instrument = waves.instrument_of(found)
        if made or blank:
            said = translator(language, site.settings.translations)
            _write(out, printing.questionnaires(instrument, made, letter, said=said))
    put({"wave": wave, "sheets": len(made)}, as_json=as_json, lines=[f"{len(made)}"])


def _allot(session: Session, site: Site, wave: Wave, unit: str | None) -> list[SheetText]:
    given = sheets.allot(session, wave, site.keys, unit=unit, rng=SystemRandom(), actor=actor(), now=site.now())
    return [
        SheetText(one.number, f"{site.settings.base_url}/k/{one.code}", _name(one.unit), one.name, one.address)
        for one in given
    ]


@invitations.command()
@click.argument("wave")
@OUT
@click.option("--group", metavar="CODE", help="One group of officials; all of them when left out.")
@LANGUAGE
@DATABASE
@JSON
@refuses
def cards(wave: str, out: Path, group: str | None, language: str, database: str | None, as_json: bool) -> None:
    """Write FILE (PDF): cards of officials' links to cut, fold and draw by lot; no card names anybody.

    From now on these links go out on cards alone: `invitations export` leaves them out. Delete FILE when it is printed.
    """
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        key = site.keys.wave(found.id)
        made = lots.cards(session, found, key, group=group, rng=SystemRandom(), actor=actor(), now=site.now())
        left = lots.left_out(session, found, group=group)
        names = {one.code: one.name for one in waves.instrument_of(found).rater_groups}
        texts = [
            [
                CardText(
                    f"{site.settings.base_url}/k/{code}",
                    names.get(lot.group, Words((("vi", lot.group),))),
                    _name(lot.agency) if lot.agency else Words(()),
                )
                for code in lot.codes
            ]
            for lot in made
        ]
        said = translator(language, site.settings.translations)
        _write(out, printing.cards(texts, _letter(session, found, language), said=said))
    count = sum(len(lot.codes) for lot in made)
    told = reader().ngettext(
        "%(num)s person is in no lot of 10 and gets the link by message.",
        "%(num)s people are in no lot of 10 and get their links by message.",
        left,
    )
    lines = [f"{count}", *([told % {"num": left}] if left else [])]
    put({"wave": wave, "cards": count, "lots": len(made), "by_message": left}, as_json=as_json, lines=lines)


def _letter(session: Session, wave: Wave, language: str) -> Letter:
    """Who asks; without a sender in the wave's file it is the province."""
    sender = Words(tuple(wave.settings.get("sender", {}).items())) or _name(waves.province_of(session, wave))
    contact = Words(tuple(wave.settings.get("contact", {}).items()))
    return Letter(sender, contact, instant_text(wave.closes, language), wave.kind == "rehearsal")


def _name(unit: Unit) -> Words:
    return Words((("vi", unit.name_vi), ("en", unit.name_en)))


def _write(out: Path, content: bytes) -> None:
    """A new file for its owner alone: it holds links."""
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
