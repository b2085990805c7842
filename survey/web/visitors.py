"""Top-ups of a wave as coordinators see them: what each stands for, and the count of visitors where it is missing."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey.errors.common import SurveyError, WrongState
from survey.errors.field import CountTooSmall, TopUpUnknown
from survey.i18n import mark as _n
from survey.model.wave import Wave
from survey.sentences.refusals import sentences
from survey.stages import topups, units, waves
from survey.stages.staff import Role
from survey.web.site import now, signed_in, site, translations
from survey.web.wording import text_of_unit

blueprint = Blueprint("visitors", __name__, url_prefix="/coordinate")
MOST = 1_000_000
NO_NUMBER = _n("Write how many visitors came, as a whole number.")
REFUSED = (CountTooSmall, TopUpUnknown, WrongState)
UNPROCESSABLE = 422


@blueprint.get("/<wave>/visitors")
def show(wave: str) -> Response:
    """Every top-up with its counts, those whose answers stand for nobody known first."""
    with site().database.read() as session:
        return page(session, waves.find(session, wave))


@blueprint.post("/<wave>/visitors")
def state(wave: str) -> Response:
    """Enter how many visitors came to a counter."""
    given = request.form.get("visitors", "").strip()
    is_number = given.isascii() and given.isdecimal() and int(given) <= MOST
    try:
        with site().database.begin() as session:
            found = waves.find(session, wave)
            if not is_number:
                return page(session, found, [translations().gettext(NO_NUMBER)])
            topups.state_count(
                session, found, request.form.get("topup", ""), int(given), actor=signed_in().email, now=now()
            )
    except REFUSED as refused:
        with site().database.read() as session:
            return page(session, waves.find(session, wave), told(refused))
    return current_app.make_response(redirect(url_for("visitors.show", wave=wave), 303))


def told(refused: SurveyError) -> list[str]:
    return sentences(refused, translations())


def page(session: Session, wave: Wave, problems: Sequence[str] = ()) -> Response:
    rows = [row for row, _email in topups.of_wave(session, wave)]
    named = units.of_codes(session, sorted({row.unit_code for row in rows}))
    text = render_template(
        "coordinate/visitors.html",
        wave=wave,
        problems=problems,
        rows=sorted(rows, key=topups.is_counted),
        counted={row.id for row in rows if topups.is_counted(row)},
        names={code: text_of_unit(unit) for code, unit in named.items()},
        is_over=wave.state in waves.OVER,
        may_state=Role.SURVEY_OFFICE in signed_in().roles,
    )
    response = current_app.make_response(text)
    response.status_code = UNPROCESSABLE if problems else 200
    return response
