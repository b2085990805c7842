"""Releasing the next invitations: the gain is shown, a person confirms, and nobody can pick whom they go to."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from survey import queue
from survey.errors.common import SurveyError
from survey.errors.waves import NobodyLeft, ReleaseBegun, ReleaseNotBegun, ReleaseOvertaken
from survey.model.wave import Wave
from survey.sentences.refusals import sentences
from survey.stages import board, replicates, units, waves
from survey.stages.staff import Role
from survey.web.site import now, signed_in, site, translations
from survey.web.wording import text_of_unit

blueprint = Blueprint("replicates", __name__, url_prefix="/coordinate")
GOALS = ("units", "province")
USUAL, MOST, USUAL_SHARE = 50, 5000, 50
WAITING = 3  # seconds until the page looks again for an advice that is being computed
REFUSED = (NobodyLeft, ReleaseBegun, ReleaseNotBegun, ReleaseOvertaken)


@blueprint.get("/<wave>/release")
def show(wave: str) -> Response:
    """What may be released, the advice that waits, and what went out so far."""
    with site().database.read() as session:
        return page(session, waves.find(session, wave))


@blueprint.post("/<wave>/release")
def act(wave: str) -> BaseResponse:
    """Ask for an advice, confirm the one that is shown, or send out the first replicate."""
    acts = {"advise": ask, "confirm": confirm, "first": begin}
    try:
        return acts.get(request.form.get("do", ""), ask)(wave)
    except REFUSED as refused:
        with site().database.read() as session:
            response = page(session, waves.find(session, wave), refused)
        response.status_code = 409
        return response


def ask(wave: str) -> BaseResponse:
    """Hand the computation to the worker; the page looks for it."""
    goal = request.form.get("goal", "")
    count = min(max(request.form.get("count", USUAL, type=int), 1), MOST)
    with site().database.read() as session:
        found = waves.find(session, wave)
        replicates.require_begun(session, found)
        offered = replicates.offered(session, found)
    before = offered.id.hex() if offered else "none"
    queue.enqueue(
        site().settings, "release.advise", wave=wave, count=str(count), goal=goal if goal in GOALS else GOALS[0],
        actor=signed_in().email,
    )  # fmt: skip
    return redirect(url_for("replicates.show", wave=wave, after=before), 303)


def confirm(wave: str) -> BaseResponse:
    """Release what is shown, in one transaction; the worker writes to those who have their link now."""
    with site().database.begin() as session:
        found = waves.find(session, wave)
        chosen = read_id(request.form.get("release", ""))
        key = site().keys.wave(found.id)
        replicates.confirm(session, found, chosen, key=key, actor=signed_in().email, now=now())
    return released(wave)


def begin(wave: str) -> BaseResponse:
    """Send out the first replicate."""
    share = min(max(request.form.get("share", USUAL_SHARE, type=int), 1), 100) / 100
    with site().database.begin() as session:
        found = waves.find(session, wave)
        key = site().keys.wave(found.id)
        replicates.first(session, found, key=key, share=share, actor=signed_in().email, now=now())
    return released(wave)


def released(wave: str) -> BaseResponse:
    queue.enqueue(site().settings, "release.invite", wave=wave, actor=signed_in().email)
    return redirect(url_for("replicates.show", wave=wave), 303)


def read_id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def page(session: Session, wave: Wave, refused: SurveyError | None = None) -> Response:
    """The page as things stand; it renews itself while an advice is awaited."""
    cells = board.cells(session, wave) if wave.audience == "citizens" else []
    offered, log = replicates.offered(session, wave), replicates.sent_out(session, wave)
    codes = [one["unit"] for one in offered.advice["units"]] if offered else []
    after = request.args.get("after")
    is_awaited = after is not None and after == (offered.id.hex() if offered else "none")
    text = render_template(
        "coordinate/release.html",
        wave=wave,
        refused=sentences(refused, translations()) if refused else [],
        reachable=sum(cell.reachable for cell in cells),
        released=sum(cell.released for cell in cells),
        reserve=sum(cell.reserve for cell in cells),
        is_begun=board.is_issued(session, wave),
        is_closed=wave.state in waves.OVER,
        may_act=Role.SURVEY_OFFICE in signed_in().roles,
        offered=None if is_awaited else offered,
        names={code: text_of_unit(unit) for code, unit in units.of_codes(session, codes).items()},
        log=log,
        is_awaited=is_awaited,
        usual=USUAL,
        most=MOST,
        usual_share=USUAL_SHARE,
    )
    response = current_app.make_response(text)
    if is_awaited:
        response.headers["Refresh"] = str(WAITING)
    return response
