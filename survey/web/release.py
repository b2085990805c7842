"""From runs to the seal: what was computed, what two agencies let out, complaints between, the sealed bundles."""

from __future__ import annotations

import tempfile
from datetime import datetime

from flask import Blueprint, Response, redirect, render_template, request, send_file, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from survey import queue
from survey.config import PROVINCE_TIME
from survey.custody import statements
from survey.errors.common import SurveyError
from survey.errors.seals import NothingProposed, TextMissing, WindowTooShort
from survey.model.release import Release
from survey.model.task import Task
from survey.model.wave import Wave
from survey.sentences.refusals import sentences
from survey.stages import approvals, comparisons, complaints, releases, reviews, seals, tasks
from survey.stages import results as stored
from survey.stages import waves as wave_list
from survey.stages.releases import Step
from survey.stages.staff import Role
from survey.stages.tasks import Job
from survey.web import wording
from survey.web.results import own_unit
from survey.web.site import language, now, signed_in, site, translations

blueprint = Blueprint("release", __name__, url_prefix="/results")
SHOWN_LINES = 200
JOBS = (Job.SCORE, Job.SCREEN, Job.SEAL)


@blueprint.get("/<wave>/release")
def page(wave: str) -> str:
    """Where the wave stands on its way to the seal, and what this account can do about it."""
    with site().database.read() as session:
        return _page(session, wave_list.find(session, wave))


def _page(session: Session, wave: Wave, refusal: SurveyError | None = None) -> str:
    runs = releases.all_runs(session, wave)
    steps = {step: _stand(session, wave, step) for step in Step}
    signers = {role for role in signed_in().roles if role in releases.SIGNERS}
    return render_template(
        "release/page.html",
        wave=wave,
        runs=runs,
        counts=stored.latest(session, wave).id if runs else None,
        is_outdated=stored.outdated(session, wave, runs),
        task=_running(session, wave),
        screening=reviews.latest(session, wave),
        open_cases=_open_cases(session, wave),
        steps=steps,
        complaints=complaints.of_wave(session, wave),
        seals=[(seal, seals.statement_of(seal)) for seal in seals.of_wave(session, wave)],
        may_sign=bool(signers),
        may_compute=bool(signed_in().roles & {Role.LEAD_AGENCY, Role.SURVEY_OFFICE}),
        is_lead=Role.LEAD_AGENCY in signed_in().roles,
        refusal=None if refusal is None else sentences(refusal, translations()),
        fingerprint=lambda key: statements.fingerprint(bytes.fromhex(key)),
        told=tasks.told,
        language=language(),
        now=now(),
        words=wording,
    )


def _stand(session: Session, wave: Wave, step: Step) -> dict[str, object]:
    """What was let out in a step, what waits for its second signature, and who signed it."""
    pending = releases.pending(session, wave, step)
    return {
        "out": releases.standing(session, wave, step),
        "pending": pending,
        "signed": approvals.voices(session, releases.signatures(session, wave, pending)) if pending else [],
        "seen": releases.digest(session, wave, pending) if pending else "",
    }


def _running(session: Session, wave: Wave) -> Task | None:
    """The newest computation that was asked for."""
    found = [task for job in JOBS if (task := tasks.latest(session, wave, job)) is not None]
    return max(found, key=lambda task: task.asked_at, default=None)


def _open_cases(session: Session, wave: Wave) -> int:
    screening = reviews.latest(session, wave)
    return sum(case.verdict is None for case in reviews.cases(session, screening)) if screening else 0


@blueprint.post("/<wave>/ask/<any(score, screen, seal):job>")
def ask(wave: str, job: str) -> BaseResponse | tuple[str, int]:
    """Ask the worker for a run, a screening or the seal; the page shows how far it is."""
    reason = request.form.get("reason", "").strip()
    try:
        with site().database.begin() as session:
            found = wave_list.hold(session, wave)
            wave_list.require(found, *wave_list.OVER)
            if job == Job.SEAL:
                seals.require_sealable(session, found, reason=reason or None)
            task = tasks.ask(session, found, Job(job), by=signed_in().email, now=now())
    except SurveyError as refusal:
        return _refused(wave, refusal)
    more = {"reason": reason} if job == Job.SEAL else {}
    queue.enqueue(site().settings, job, wave=wave, actor=signed_in().email, task=task.id.hex(), **more)
    return redirect(url_for("release.page", wave=wave), 303)


@blueprint.post("/<wave>/propose")
def propose(wave: str) -> BaseResponse | tuple[str, int]:
    """Propose a run for letting out, with its decision; the first signature."""
    form = request.form
    step = Step.PROVISIONAL if form.get("step") == Step.PROVISIONAL else Step.FINAL
    try:
        until = _until(form.get("until", "")) if step is Step.PROVISIONAL else None
        with site().database.begin() as session:
            found = wave_list.hold(session, wave)
            run = releases.find_run(session, found, form.get("run", ""))
            releases.propose(
                session, found, run, step, document=_needed(form.get("document", "")), by=signed_in().email, now=now(),
                complaints_until=until,
            )  # fmt: skip
    except SurveyError as refusal:
        return _refused(wave, refusal)
    return redirect(url_for("release.page", wave=wave), 303)


@blueprint.post("/<wave>/sign")
def sign(wave: str) -> BaseResponse | tuple[str, int]:
    """The second agency's signature under what this page showed."""
    form = request.form
    step = Step.PROVISIONAL if form.get("step") == Step.PROVISIONAL else Step.FINAL
    try:
        with site().database.begin() as session:
            found = wave_list.hold(session, wave)
            pending: Release | None = releases.pending(session, found, step)
            if pending is None:
                raise NothingProposed(wave=wave)
            stands = releases.digest(session, found, pending)
            approvals.check_seen(releases.subject(pending), seen=form.get("seen", ""), stands=stands)
            document = _needed(form.get("document", ""))
            releases.sign(session, found, pending, document=document, by=signed_in().email, now=now())
    except SurveyError as refusal:
        return _refused(wave, refusal)
    return redirect(url_for("release.page", wave=wave), 303)


def _refused(wave: str, refusal: SurveyError) -> tuple[str, int]:
    with site().database.read() as session:
        return _page(session, wave_list.find(session, wave), refusal), 422


def _needed(text: str) -> str:
    if not text.strip():
        raise TextMissing()
    return text.strip()


def _until(text: str) -> datetime:
    """The end of the time for complaints, as the field gives it, in the province's time."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=PROVINCE_TIME)
    except ValueError as error:
        raise WindowTooShort(wave="") from error


@blueprint.get("/<wave>/seals/<int:number>.zip")
def bundle(wave: str, number: int) -> Response:
    """A seal's bundle, byte for byte as it was sealed."""
    stream = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the response
    with site().database.read() as session:
        seals.write(session, seals.find(session, wave_list.find(session, wave), number), stream)
    stream.seek(0)
    return send_file(stream, mimetype="application/zip", as_attachment=True, download_name=f"{wave}-seal-{number}.zip")


@blueprint.get("/<wave>/compare")
def compare(wave: str) -> str:
    """Two runs line by line, with the reason of each difference."""
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        runs = releases.all_runs(session, found)
        before, after = (releases.find_run(session, found, request.args.get(name, "")) for name in ("before", "after"))
        whole = comparisons.compare(session, found, before, after)
        own = own_unit(session, found)
        lines = list(comparisons.lines(session, found, before, after, whole))
        shown = [line for line in lines if own is None or line.key["unit"] not in {own.unit, own.province}]
    return render_template(
        "release/compare.html",
        wave=found,
        runs=runs,
        before=before,
        after=after,
        whole=whole,
        lines=shown[:SHOWN_LINES],
        total=len(shown),
        told=comparisons.told,
        word=wording.word,
    )
