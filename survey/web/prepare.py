"""What is prepared for a wave before anybody is invited, and how far each part is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template
from sqlalchemy.orm import Session

from survey.model.wave import Wave
from survey.stages import approvals, coverage, plans, samples, waves
from survey.web.routes import may_open
from survey.web.site import signed_in, site
from survey.web.wording import STATES

blueprint = Blueprint("prepare", __name__, url_prefix="/prepare")
SHOWN = 12  # waves, the newest first


@dataclass(frozen=True)
class Standing:
    """How far a wave's preparation is."""

    wave: Wave
    dossiers: int
    is_signed: bool
    version: int | None
    missing: str | None
    is_drawn: bool


@blueprint.get("")
def index() -> str:
    """The citizens' waves with what each still needs."""
    with site().database.read() as session:
        found = [wave for wave in waves.all_waves(session) if wave.audience == "citizens"][:SHOWN]
        lines: Sequence[Standing] = [standing(session, wave) for wave in found]
    may = {name: may_open(name, signed_in().roles) for name in ("plans.show", "lists.show", "copies.page")}
    return render_template("coordinate/prepare.html", lines=lines, states=STATES, may=may)


def standing(session: Session, wave: Wave) -> Standing:
    kept = plans.versions(session, wave)
    given = approvals.given(session, plans.subject(wave), kept[0].digest) if kept else []
    return Standing(
        wave,
        dossiers=sum(plans.populations(session, wave).values()),
        is_signed=coverage.is_signed(session, wave),
        version=kept[0].version if kept else None,
        missing=approvals.missing(given),
        is_drawn=samples.is_drawn(session, wave),
    )
