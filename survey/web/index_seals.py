"""The year's table on its way to the seal: what two agencies agree to, the seals, their bundles."""

from __future__ import annotations

import tempfile

from flask import Blueprint, Response, redirect, render_template, request, send_file, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from survey import queue
from survey.custody import statements
from survey.errors.common import SurveyError
from survey.model.index import IndexSheet
from survey.sentences.refusals import sentences
from survey.stages import approvals, index_seals, index_sheets, tasks
from survey.stages.staff import Role
from survey.stages.tasks import Job
from survey.web import wording
from survey.web.site import language, now, signed_in, site, translations

blueprint = Blueprint("index_seals", __name__, url_prefix="/index")


@blueprint.get("/<scheme>/<int:year>/seal")
def page(scheme: str, year: int) -> str:
    """Where the sheet stands, and what this account can do about it."""
    with site().database.read() as session:
        return shown(session, index_sheets.find(session, scheme, year))


@blueprint.post("/<scheme>/<int:year>/agree")
def agree(scheme: str, year: int) -> BaseResponse | tuple[str, int]:
    """One agency agrees to the figures that the page showed."""
    form = request.form
    try:
        with site().database.begin() as session:
            sheet = index_sheets.find(session, scheme, year)
            stands = index_seals.digest_of(session, index_sheets.newest(session, sheet))
            approvals.check_seen(index_seals.subject_of(sheet), seen=form.get("seen", ""), stands=stands)
            index_seals.approve(session, sheet, by=signed_in().email, document=form.get("document", ""), now=now())
    except SurveyError as refusal:
        return refused(scheme, year, refusal)
    return redirect(url_for("index_seals.page", scheme=scheme, year=year), 303)


@blueprint.post("/<scheme>/<int:year>/seal")
def seal(scheme: str, year: int) -> BaseResponse | tuple[str, int]:
    """Ask the worker for the seal; the page shows how far it is."""
    reason, me = request.form.get("reason", "").strip(), signed_in().email
    try:
        with site().database.begin() as session:
            sheet = index_sheets.find(session, scheme, year)
            index_seals.require_sealable(session, sheet, reason=reason or None)
            task = tasks.ask(session, sheet, Job.INDEX_SEAL, by=me, now=now()).id.hex()
    except SurveyError as refusal:
        return refused(scheme, year, refusal)
    queue.enqueue(site().settings, Job.INDEX_SEAL, scheme=scheme, year=str(year), actor=me, task=task, reason=reason)
    return redirect(url_for("index_seals.page", scheme=scheme, year=year), 303)


@blueprint.get("/<scheme>/<int:year>/seals/<int:number>.zip")
def bundle(scheme: str, year: int, number: int) -> Response:
    """A seal's bundle, byte for byte as it was sealed."""
    stream = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the response
    with site().database.read() as session:
        sheet = index_sheets.find(session, scheme, year)
        index_seals.write(session, index_seals.find(session, sheet, number), stream)
    stream.seek(0)
    name = f"{scheme}-{year}-seal-{number}.zip"
    return send_file(stream, mimetype="application/zip", as_attachment=True, download_name=name)


def refused(scheme: str, year: int, refusal: SurveyError) -> tuple[str, int]:
    with site().database.read() as session:
        return shown(session, index_sheets.find(session, scheme, year), refusal), 422


def shown(session: Session, sheet: IndexSheet, refusal: SurveyError | None = None) -> str:
    run, seals = index_sheets.newest(session, sheet), index_seals.of_sheet(session, sheet)
    digest, me = index_seals.digest_of(session, run), signed_in()
    given = approvals.given(session, index_seals.subject_of(sheet), digest)
    is_sealed = bool(seals) and seals[0].run_id == run.id
    missing = approvals.missing(given)
    return render_template(
        "index/seal.html",
        sheet=sheet,
        scheme=index_sheets.scheme_of(sheet),
        run=run,
        digest=digest,
        voices=approvals.voices(session, given),
        missing=missing,
        is_sealed=is_sealed,
        seals=[(one, index_seals.statement_of(one)) for one in seals],
        may_agree=not is_sealed and all(one.account_id != me.account_id for one in given),
        may_seal=Role.LEAD_AGENCY in me.roles and missing is None and not is_sealed,
        task=tasks.latest(session, sheet, Job.INDEX_SEAL),
        refusal=None if refusal is None else sentences(refusal, translations()),
        fingerprint=lambda key: statements.fingerprint(bytes.fromhex(key)),
        told=tasks.told,
        language=language(),
        words=wording,
    )
