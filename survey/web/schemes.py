"""Scoring schemes: read, compared, changed in a form, tried on a closed wave, agreed to by two agencies."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from survey import queue, scheme_changes, scheme_text
from survey.errors.common import SurveyError
from survey.errors.schemes import SchemeShipped, VersionTaken
from survey.errors.staff import AgencyUnclear, ApprovalGiven, ApprovalWithoutDocument, NotAnApprover
from survey.faults import FaultyFile
from survey.sentences.refusals import sentences
from survey.stages import approvals, results, schemes
from survey.stages import waves as wave_list
from survey.stages.schemes import Shelved
from survey.web import wording
from survey.web.routes import may_open
from survey.web.site import now, signed_in, site, translations

blueprint = Blueprint("schemes", __name__, url_prefix="/schemes")
REFUSED = (FaultyFile, SchemeShipped, VersionTaken)
NOT_AGREED = (AgencyUnclear, ApprovalGiven, ApprovalWithoutDocument, NotAnApprover)


@blueprint.get("")
def shelf() -> str:
    """Every scheme that can be read."""
    with site().database.read() as session:
        return render_template("schemes/shelf.html", shelf=schemes.shelf(session), words=wording)


@blueprint.get("/<digest>")
def scheme(digest: str) -> str:
    """One scheme whole, with what differs from another, its dry runs and who agreed to it."""
    with site().database.read() as session:
        return page(session, schemes.find(session, digest))


def page(session: Session, shelved: Shelved, refused: SurveyError | None = None) -> str:
    """The page of a scheme; `refused` says why an agreement was not taken."""
    other = request.args.get("with", "")
    given = approvals.given(session, schemes.subject(shelved.scheme), shelved.scheme.digest)
    found = shelved.scheme
    base = schemes.find(session, other) if other else None
    scored = [one for one in results.scored_waves(session) if one.state != wave_list.OPEN]
    return render_template(
        "schemes/scheme.html",
        shelved=shelved,
        scheme=found,
        shelf=[one for one in schemes.shelf(session) if one.address != shelved.address],
        base=base,
        changes=scheme_changes.changes(base.scheme, found) if base else [],
        trials=schemes.trials(session, found.digest),
        waves=scored,
        voices=approvals.voices(session, given),
        missing=approvals.missing(given),
        may_change=may_open("schemes.change", signed_in().roles),
        may_agree=may_open("schemes.agree", signed_in().roles),
        told=sentences(refused, translations()) if refused else [],
        is_asked="asked" in request.args,
        words=wording,
    )


@blueprint.get("/<digest>/scheme.toml")
def download(digest: str) -> Response:
    """The text as it is, for a wave file or another place."""
    with site().database.read() as session:
        found = schemes.find(session, digest).scheme
    response = make_response(found.source)
    response.mimetype = "text/plain"
    response.headers["Content-Disposition"] = f'attachment; filename="{found.code}-{found.version}.toml"'
    return response


@blueprint.route("/<digest>/change", methods=["GET", "POST"])
def change(digest: str) -> str | BaseResponse | tuple[str, int]:
    """The form: names and points, or the whole text; what is kept is a new version, all of it or nothing."""
    with site().database.begin() if request.method == "POST" else site().database.read() as session:
        shelved = schemes.find(session, digest)
        if request.method != "POST":
            return form(shelved, shelved.scheme.source)
        text = request.form.get("text") or scheme_text.changed(shelved.scheme.source, request.form)
        try:
            kept = schemes.keep(
                session, text, note=request.form.get("note", "")[:300], by=signed_in().email, now=now()
            )  # fmt: skip
        except REFUSED as error:
            session.rollback()
            return form(shelved, text, error), 422
    return redirect(url_for("schemes.scheme", digest=kept.digest) + f"?with={shelved.address}", 303)


def form(shelved: Shelved, text: str, error: SurveyError | None = None) -> str:
    """The form with what was typed in it; each fault leads to its field where there is one."""
    lines, head = _readable(text, shelved.scheme.source)
    places = {f"{line.place}.{key}" for line in lines for key in line.fields} | set(head)
    faults = error.faults if isinstance(error, FaultyFile) else ()
    told = sentences(error, translations()) if error else []
    where = [".".join(part for part in (fault.place, fault.key) if part) for fault in faults] or [""] * len(told)
    return render_template(
        "schemes/change.html",
        shelved=shelved,
        text=text,
        head=head,
        lines=lines,
        problems=[(place if place in places else "", sentence) for place, sentence in zip(where, told, strict=False)],
        note=request.form.get("note", ""),
        is_text="text" in request.form,
        words=wording,
    )


def _readable(text: str, stands: str) -> tuple[list[scheme_text.Line], dict[str, str]]:
    """The form's fields from the text, or, of a text that nobody can read, from the scheme that stands."""
    try:
        return scheme_text.lines_of(text), scheme_text.head_of(text)
    except scheme_text.UNREADABLE:
        return scheme_text.lines_of(stands), scheme_text.head_of(stands)


@blueprint.post("/<digest>/agree")
def agree(digest: str) -> BaseResponse | tuple[str, int]:
    """One agency's agreement."""
    document = request.form.get("document", "")
    try:
        with site().database.begin() as session:
            schemes.approve(session, digest, by=signed_in().email, document=document[:300], now=now())
    except NOT_AGREED as error:
        with site().database.read() as session:
            return page(session, schemes.find(session, digest), error), 422
    return redirect(url_for("schemes.scheme", digest=digest), 303)


@blueprint.post("/<digest>/try")
def dry_run(digest: str) -> BaseResponse:
    """Ask the worker to score a closed wave by this scheme."""
    with site().database.read() as session:
        schemes.find(session, digest)
        wave = wave_list.find(session, request.form.get("wave", ""))
    queue.enqueue(site().settings, "try scheme", scheme=digest, wave=wave.code, actor=signed_in().email)
    return redirect(url_for("schemes.scheme", digest=digest, asked="yes"), 303)
