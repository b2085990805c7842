"""Copies a wave for the next year: shows what would change, then makes it."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from survey.cells import CODE
from survey.errors.common import SurveyError
from survey.errors.waves import CodeRefused
from survey.sentences.copies import FROZEN, PARTS
from survey.sentences.refusals import sentences
from survey.stages import copies, waves
from survey.stages.copies import Change, Dates
from survey.web.site import now, signed_in, site, translations

blueprint = Blueprint("copies", __name__, url_prefix="/prepare")
NO = 422


@blueprint.route("/<wave>/copy", methods=["GET", "POST"])
def page(wave: str) -> str | Response | tuple[str, int]:
    """What a copy would change; sent with a code it is made."""
    if request.method != "POST":
        return shown(wave, "", None)
    code = request.form.get("code", "").strip()
    try:
        if not CODE.fullmatch(code):
            raise CodeRefused(code=code)
        with site().database.begin() as session:
            old = waves.find(session, wave)
            copies.copy(session, old, code=code, dates=Dates(), keys=site().keys, actor=signed_in().email, now=now())
    except SurveyError as refusal:
        return shown(wave, code, refusal), NO
    return redirect(url_for("prepare.index"), 303)


def shown(wave: str, code: str, refusal: SurveyError | None) -> str:
    changes: list[Change] = []
    with site().database.read() as session:
        old = waves.find(session, wave)
        try:
            changes = copies.compare(session, old, code=code, dates=Dates())
        except SurveyError as nothing:
            refusal = refusal or nothing
    return render_template(
        "coordinate/copy.html",
        wave=old,
        code=code,
        changes=changes,
        parts=PARTS,
        frozen=FROZEN,
        refusal=None if refusal is None else sentences(refusal, translations()),
    )
