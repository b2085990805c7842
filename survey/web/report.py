"""Reports to print or hand over: one unit's, and the whole wave's; the command makes PDFs of the same pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask import Blueprint, abort, render_template
from sqlalchemy.orm import Session

from survey.instrument import Instrument
from survey.model.result import Run
from survey.model.wave import Wave
from survey.paper.printing import qr
from survey.rule import Source
from survey.scheme import Scheme
from survey.stages import results as stored
from survey.stages import units
from survey.stages import waves as wave_list
from survey.web import figures, wording
from survey.web.figures import Own, Standing
from survey.web.results import LEAGUE_LEVELS, POINT_LEVELS, own_unit
from survey.web.site import gettext as _
from survey.web.site import site

blueprint = Blueprint("report", __name__, url_prefix="/results")
WEAKEST = 5


@dataclass(frozen=True)
class Told:
    """What every report says of its wave and run."""

    wave: Wave
    run: Run
    instrument: Instrument
    schemes: tuple[Scheme, ...]

    @property
    def index_name(self) -> str:
        return wording.index_name(self.instrument)

    @property
    def mark(self) -> str:
        """What no reader may overlook."""
        if self.wave.kind == "rehearsal":
            return _("Rehearsal: these figures never count")
        return "" if self.wave.state == wave_list.SEALED else _("Provisional: not yet released")

    @property
    def picture(self) -> str:
        """The digest of the data as a code, to hold against the sealed file."""
        return qr(f"sha256:{self.run.extract_digest}")

    def weakest(self, levels: Mapping[str, Sequence[Standing]]) -> list[Standing]:
        """The questions with the lowest values, where there are more than are named."""
        known = [one for one in levels.get("item", ()) if one.value is not None]
        return (
            sorted(known, key=lambda one: (Decimal(one.value or 0), one.code))[:WEAKEST] if len(known) > WEAKEST else []
        )


@blueprint.get("/<wave>/report")
def province(wave: str) -> str:
    """The whole wave: the province and every level."""
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        return province_text(session, found, own_unit(session, found))


@blueprint.get("/<wave>/<unit>/report")
def unit(wave: str, unit: str) -> str:
    """One unit."""
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        text = unit_text(session, found, unit, own_unit(session, found))
    return text or abort(404)


def province_text(session: Session, wave: Wave, own: Own | None) -> str:
    """The report of a wave as a page."""
    told = _told(session, wave)
    read = stored.figures(session, told.run, levels_of=(*LEAGUE_LEVELS, *POINT_LEVELS))
    rows = list(figures.visible(read, own))
    surveyed = {
        scheme.code: [one for one in scheme.components if one.source is Source.SURVEY] for scheme in told.schemes
    }
    return render_template(
        "report/province.html",
        told=told,
        name=wording.text_of_unit(wave_list.province_of(session, wave)),
        province=figures.whole_province(rows, wave.province),
        tables=[figures.league(scheme, rows, wave.province, surveyed[scheme.code]) for scheme in told.schemes],
        own=own,
        words=wording,
    )


def unit_text(session: Session, wave: Wave, code: str, own: Own | None) -> str:
    """The report of a unit as a page; empty when there is nothing of it that the reader may see."""
    told, named = _told(session, wave), units.find(session, code)
    rows = list(figures.visible(stored.figures(session, told.run, unit=code), own))
    if not rows:
        return ""
    found = [(scheme, figures.sheet(rows, scheme)) for scheme in told.schemes]
    return render_template(
        "report/unit.html",
        told=told,
        name=wording.text_of_unit(named),
        sheets=[
            (scheme, levels, figures.in_order(scheme, levels, wave.audience)) for scheme, levels in found if levels
        ],
        own=own,
        words=wording,
        groups=wording.rater_groups(told.instrument),
    )


def _told(session: Session, wave: Wave) -> Told:
    run, schemes = stored.latest(session, wave), wave_list.schemes_of(session, wave)
    return Told(wave, run, wave_list.instrument_of(wave), schemes)
