"""The review of suspicious answers: the queue, each case with its evidence, and what two offices say of it."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey.errors.common import SurveyError
from survey.errors.seals import TextMissing
from survey.model.review import ScreeningCase
from survey.model.wave import Wave
from survey.sentences.refusals import sentences
from survey.stages import reviews, tasks, units
from survey.stages import waves as wave_list
from survey.stages.reviews import Verdict
from survey.stages.tasks import Job
from survey.web import wording
from survey.web.site import gettext as _
from survey.web.site import language, now, signed_in, site, translations

blueprint = Blueprint("review", __name__, url_prefix="/review")


@blueprint.get("")
def index() -> str:
    """The closed waves of citizens, with the cases that wait."""
    with site().database.read() as session:
        over = select(Wave).where(Wave.state.in_(wave_list.OVER), Wave.audience == "citizens")
        found = list(session.scalars(over.order_by(Wave.period_to.desc(), Wave.code)))
        lines = [(wave, reviews.latest(session, wave)) for wave in found]
        told = [(wave, made, reviews.cases(session, made) if made else []) for wave, made in lines]
    return render_template("review/index.html", lines=told)


@blueprint.get("/<wave>")
def queue(wave: str) -> str:
    """The cases of the newest screening: those that wait first."""
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        screening = reviews.latest(session, found)
        cases = reviews.cases(session, screening) if screening else []
        lines = [(case, _name(session, case), reviews.evidence(session, case)) for case in cases]
        task = tasks.latest(session, found, Job.SCREEN)
    lines.sort(key=lambda line: line[0].verdict is not None)
    return render_template(
        "review/queue.html", wave=found, screening=screening, lines=lines, word=wording.word, task=task, words=wording,
        told=tasks.told, language=language(),
    )  # fmt: skip


@blueprint.route("/<wave>/<int:number>", methods=["GET", "POST"])
def case(wave: str, number: int) -> str | Response | tuple[str, int]:
    """One case: why it is one, what was said of it, and what this office says."""
    if request.method == "GET":
        with site().database.read() as session:
            return _case(session, wave, number)
    try:
        with site().database.begin() as session:
            found = wave_list.hold(session, wave)
            verdict = next((one for one in Verdict if one == request.form.get("verdict")), None)
            if verdict is None:
                raise TextMissing()
            one = reviews.find_case(session, found, number)
            reason = request.form.get("reason", "")
            reviews.decide(session, found, one, verdict, reason=reason, by=signed_in().email, now=now())
    except SurveyError as refusal:
        with site().database.read() as session:
            return _case(session, wave, number, refusal), 422
    return redirect(url_for("review.queue", wave=wave), 303)


def _case(session: Session, wave: str, number: int, refusal: SurveyError | None = None) -> str:
    found = wave_list.find(session, wave)
    one = reviews.find_case(session, found, number)
    return render_template(
        "review/case.html",
        wave=found,
        case=one,
        name=_name(session, one),
        evidence=reviews.evidence(session, one),
        voices=reviews.voices(session, found, one),
        refusal=None if refusal is None else sentences(refusal, translations()),
        word=wording.word,
        longest=reviews.LONGEST,
    )


def _name(session: Session, case: ScreeningCase) -> str:
    """The unit by its name; a collector adds the mode, a batch the phase."""
    code, _bar, rest = case.name.partition("|")
    named = units.of_codes(session, [code]).get(code)
    name = wording.text_of_unit(named) if named else code
    if not rest:
        return name
    return (
        f"{name}, {wording.word(rest)}"
        if case.kind == "collector"
        else _("%(unit)s, phase %(phase)s", unit=name, phase=rest)
    )
