"""The survey office's side of the field work: who has how many people, how it goes, sharing out more of the sample."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey.errors.common import SurveyError, UnitNotInWave, WaveUnknown
from survey.errors.field import NobodyToAssign, NoInterviewer
from survey.model.staff import Account
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.response_rates import Dispositions
from survey.sentences.refusals import sentences
from survey.stages import assignments, dispositions, recontacts, waves
from survey.stages.assignments import Portion
from survey.stages.dispositions import ListProgress
from survey.wavefile import Mode
from survey.web.interviews import OUTCOMES
from survey.web.site import gettext as _
from survey.web.site import now, signed_in, site, translations

blueprint = Blueprint("interviewers", __name__, url_prefix="/staff/interviewers")
DO_IT, LARGEST = "assign", 10**9


@dataclass(frozen=True)
class Wanted:
    """What the form asks for, as it was typed."""

    seed: str = ""
    unit: str = ""
    most: str = ""

    @property
    def faults(self) -> dict[str, str]:
        found = {} if is_number(self.seed) else {"seed": _("Write a whole number: the seed that you publish.")}
        return found | ({} if not self.most or is_number(self.most) else {"most": _("Write a whole number in digits.")})


def is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) < LARGEST


@blueprint.get("")
def index() -> str:
    """The waves that send interviewers."""
    with site().database.read() as session:
        found = [wave for wave in waves.all_waves(session) if Mode.INTERVIEWER in wave.settings["modes"]]
    return render_template("field/waves.html", waves=found)


@blueprint.route("/<wave>", methods=["GET", "POST"])
def lists(wave: str) -> str | Response | tuple[str, int]:
    """The lists of a wave; what a sharing-out would give is shown first, then done with the same seed."""
    if request.method != "POST":
        with site().database.read() as session:
            return page(session, planned(session, wave), Wanted())
    form = request.form
    wanted = Wanted(*(form.get(name, "").strip() for name in ("seed", "unit", "most")))
    with site().database.begin() as session:
        found = planned(session, wave)
        if wanted.faults:
            return page(session, found, wanted, faults=wanted.faults), 422
        try:
            portions = plan(session, found, wanted)
        except (NobodyToAssign, NoInterviewer, UnitNotInWave) as refusal:
            return page(session, found, wanted, refusal=refusal), 422
        if form.get("step") != DO_IT:
            return page(session, found, wanted, portions=portions)
        assignments.assign(
            session, found, site().keys.wave(found.id), portions, seed=int(wanted.seed), actor=signed_in().email,
            now=now(),
        )  # fmt: skip
        recontacts.follow(session, found, site().keys.wave(found.id), actor=signed_in().email, now=now())
    return current_app.make_response(redirect(url_for("interviewers.lists", wave=wave), 303))


def planned(session: Session, code: str) -> Wave:
    """A wave whose file sends interviewers; any other is none here."""
    wave = waves.find(session, code)
    if Mode.INTERVIEWER not in wave.settings["modes"]:
        raise WaveUnknown(wave=code)
    return wave


def plan(session: Session, wave: Wave, wanted: Wanted) -> list[Portion]:
    units = (wanted.unit,) if wanted.unit else ()
    return assignments.plan(
        session, wave, site().keys.wave(wave.id), seed=int(wanted.seed), units=units, accounts=accounts(session),
        most=int(wanted.most) if wanted.most else None,
    )  # fmt: skip


def accounts(session: Session) -> list[Account]:
    return assignments.interviewers(session)


def page(
    session: Session,
    wave: Wave,
    wanted: Wanted,
    *,
    faults: dict[str, str] | None = None,
    portions: list[Portion] | None = None,
    refusal: SurveyError | None = None,
) -> str:
    units: list[Unit] = [unit for unit, _target in waves.units_of(session, wave)]
    progress: list[ListProgress] = dispositions.by_interviewer(session, wave)
    rates: dict[str, Dispositions] = dispositions.by_unit(session, wave)
    return render_template(
        "field/lists.html", wave=wave, units=units, progress=progress, rates=rates, outcomes=OUTCOMES, wanted=wanted,
        faults=faults or {}, portions=portions, refusal=" ".join(sentences(refusal, translations())) if refusal else "",
        may_assign=wave.state not in waves.OVER,
    )  # fmt: skip
