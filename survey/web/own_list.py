"""What a rated unit sees of the field work: how far the lists cover its own dossiers, and nothing else."""

from __future__ import annotations

from flask import Blueprint, abort, render_template

from survey.sentences.frames import REMARKS
from survey.stages import coverage, units, waves
from survey.web import wording
from survey.web.site import signed_in, site

blueprint = Blueprint("own_list", __name__, url_prefix="/own-list")
SHOWN = 12  # waves, the newest first


@blueprint.get("")
def index() -> str:
    """The own dossiers in each citizens' wave; no invitation, no count of answers, no other unit."""
    mine = signed_in().unit
    if mine is None:
        abort(404)
    with site().database.read() as session:
        found = [wave for wave in waves.all_waves(session) if wave.audience == "citizens"][:SHOWN]
        lines = [(wave, line) for wave in found if (line := coverage.of_unit(session, wave, mine)) is not None]
        named = units.of_codes(session, [mine])
    return render_template(
        "coordinate/own_list.html", lines=lines, unit=wording.text_of_unit(named[mine]), remarks=REMARKS,
        states=wording.STATES,
    )  # fmt: skip
