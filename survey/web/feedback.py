"""Comments for the units: read and released by the survey office after the close, then shown to the unit alone."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey.errors.common import TooFewToRelease
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import feedback, units
from survey.stages import waves as wave_list
from survey.stages.classes import PRIVACY_FLOOR
from survey.stages.staff import Role
from survey.web.site import now, signed_in, site
from survey.web.wording import text_of_unit

blueprint = Blueprint("feedback", __name__, url_prefix="/feedback")


@blueprint.get("")
def index() -> str:
    """What the account may see: batches to release, what came to the own unit, the release log."""
    me = signed_in()
    is_office, is_unit = Role.SURVEY_OFFICE in me.roles, Role.RATED_UNIT in me.roles
    with site().database.read() as session:
        batches = [one for one in feedback.batches(session) if is_office and not is_own(one.unit)]
        log = feedback.release_log(session) if is_office or Role.OVERSIGHT in me.roles else []
        codes = {one.unit for one in batches} | {one.unit for one in log} | {me.unit}
        named = units.of_codes(session, (code for code in codes if code))
        own = feedback.released(session, me.unit) if is_unit and me.unit else {}
        of_province = feedback.released(session, None) if Role.LEAD_AGENCY in me.roles else {}
    return render_template(
        "feedback/index.html",
        names={code: text_of_unit(unit) for code, unit in named.items()},
        batches=batches,
        log=log,
        own=own,
        own_unit=me.unit or "",
        province=of_province,
        roles=me.roles,
        floor=PRIVACY_FLOOR,
    )


@blueprint.route("/<wave>/province", methods=["GET", "POST"])
def province(wave: str) -> str | Response | tuple[str, int]:
    """The few comments of several units, without the units."""
    return decide(wave, None)


@blueprint.route("/<wave>/units/<unit>", methods=["GET", "POST"])
def unit(wave: str, unit: str) -> str | Response | tuple[str, int]:
    """The comments on one unit that wait to be read."""
    return decide(wave, unit)


def decide(wave: str, code: str | None) -> str | Response | tuple[str, int]:
    """Show what waits, or release it but for what is withheld."""
    if is_own(code):
        abort(403)  # nobody of the unit reads or holds back what is said of it
    with site().database.begin() if request.method == "POST" else site().database.read() as session:
        found = wave_list.find(session, wave)
        about = units.find(session, code) if code else None
        if request.method == "GET":
            return batch_page(session, found, about)
        withheld = {one for one in map(read_id, request.form.getlist("withhold")) if one}
        try:
            feedback.release(session, found, code, withhold=withheld, actor=signed_in().email, now=now())
        except TooFewToRelease as refused:
            return batch_page(session, found, about, withheld, refused), 422
    return redirect(url_for("feedback.index"), 303)


def is_own(code: str | None) -> bool:
    return code is not None and code == signed_in().unit


def read_id(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def batch_page(
    session: Session,
    wave: Wave,
    about: Unit | None,
    withheld: set[bytes] | None = None,
    refused: TooFewToRelease | None = None,
) -> str:
    return render_template(
        "feedback/batch.html",
        wave=wave,
        about=text_of_unit(about) if about else None,
        comments=feedback.waiting(session, wave, about.code if about else None),
        withheld=withheld or set(),
        refused=refused,
        floor=PRIVACY_FLOOR,
    )
