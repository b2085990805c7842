"""Sign-in and sign-out of those who run the survey, and their start page."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, abort, current_app, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from survey.stages import factors, staff
from survey.stages.staff import Opened
from survey.web import guard
from survey.web.chrome import own_path
from survey.web.routes import may_open
from survey.web.site import gettext as _
from survey.web.site import now, signed_in, site
from survey.web.staff_forms import ROLE_NAMES, CodeForm, SignInForm
from survey.web.who import browser_words, sign_on

blueprint = Blueprint("account", __name__, url_prefix="/staff")
AT_ONCE, PATIENCE = 2, 5.0  # passwords compared at once by a process: each takes a good part of a second of work
_comparing = threading.BoundedSemaphore(AT_ONCE)


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response | str | tuple[str, int]:
    """Show the form; take an account in under a new session."""
    form = SignInForm()
    target = own_path(request.args.get("next"))
    if not form.is_submitted():
        return _sign_in_page(form, target, refused=False)
    opened = open_session(form) if form.validate() else None
    if opened is None:
        return _sign_in_page(form, target, refused=not form.errors), 422
    return let_in(opened, target)


def _sign_in_page(form: SignInForm, target: str | None, *, refused: bool) -> str:
    issuer = sign_on(site().settings, os.environ)
    return render_template("account/sign_in.html", form=form, target=target, refused=refused, issuer=issuer)


def open_session(form: SignInForm) -> Opened | None:
    """A new session, or None; the slow comparison happens outside any transaction."""
    with site().database.read() as opened:
        found = staff.candidate(opened, email=form.email.data, now=now(), device=guard.device_token())
    with few_at_once():
        right = staff.matches(found, form.password.data)
    with site().database.begin() as opened:
        return staff.settle(opened, found, right=right, now=now(), browser=browser_words(request.user_agent.string))


@contextmanager
def few_at_once() -> Iterator[None]:
    """A flood of passwords must not take the processor from those who answer: the rest is told to come again."""
    if not _comparing.acquire(timeout=PATIENCE):
        abort(503)
    try:
        yield
    finally:
        _comparing.release()


def let_in(opened: Opened, target: str | None) -> Response:
    """The cookie of a new session, and where it leads: to the second factor first where one is waited for."""
    session.clear()  # the form's token of before is known to whoever prepared this browser
    place = url_for("account.second", next=target) if opened.half else target or url_for("account.home")
    response = current_app.make_response(redirect(place, 303))
    guard.remember_staff(response, opened.token)
    if not opened.half:
        _know(response, opened)
    return response


def _know(response: Response, opened: Opened) -> None:
    with site().database.begin() as writing:
        holder = staff.signed_in(writing, opened.token, now())
        if holder is not None:
            known = staff.know_device(writing, holder.account_id, guard.device_token(), now())
            guard.remember_device(response, known)


@blueprint.route("/second", methods=["GET", "POST"])
def second() -> Response | str | tuple[str, int]:
    """Ask for the second factor; the session of before ends and a whole one begins."""
    form, target = CodeForm(), own_path(request.args.get("next"))
    with site().database.read() as reading:
        if staff.half_signed_in(reading, guard.staff_token(), now()) is None:
            return redirect(url_for("account.sign_in", next=target), 303)
    if not form.is_submitted():
        return render_template("account/second.html", form=form, target=target, refused=False)
    opened = _finish(form.code.data) if form.validate() else None
    if opened is None:
        return render_template("account/second.html", form=form, target=target, refused=not form.errors), 422
    return let_in(opened, target)


def _finish(code: str) -> Opened | None:
    """A whole session for a right code; a wrong one counts like a wrong password and ends a locked half session."""
    token = guard.staff_token()
    with site().database.begin() as writing:
        account = staff.half_signed_in(writing, token, now())
        if account is None:
            return None
        if factors.fits(writing, site().keys.installation, account, code, now=now()):
            staff.sign_out(writing, token or "")
            words = browser_words(request.user_agent.string)
            return staff.open_session(writing, account, now=now(), browser=words, half=False)
        if staff.miss(writing, account, guard.device_token(), now()):
            staff.sign_out(writing, token or "")
    return None


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """End the session here and on the server."""
    with site().database.begin() as opened:
        staff.sign_out(opened, guard.staff_token() or "")
    session.clear()
    response = current_app.make_response(redirect(url_for("account.sign_in", left=1), 303))
    guard.forget_staff(response)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@blueprint.get("/")
def home() -> str:
    """What the account may open."""
    names = [ROLE_NAMES[role] for role in sorted(signed_in().roles)]
    return render_template("account/home.html", pages=staff_pages(), role_names=names)


def staff_pages() -> list[tuple[str, str, str]]:
    """The pages that this account may start from: endpoint, label, what it is for."""
    pages = (
        ("prepare.index", _("Preparation"), _("Dossier lists, sample plans, and what must stand before a draw.")),
        ("own_list.index", _("Our dossiers in the lists"), _("How many of your own dossiers the lists hold.")),
        ("coordinate.waves", _("Board"), _("How many questionnaires came in, and how many are still wanted.")),
        (
            "interviews.mine",
            _("My list"),
            _("People to visit or call, with the questionnaire; no network is needed."),
        ),
        ("recontact.people", _("Check calls"), _("People drawn by lot who are called to check the field work.")),
        ("topups.mine", _("Asking at the counter"), _("Count the visitors and ask those whom the page names.")),
        ("interviewers.index", _("Interviewers"), _("Who has whom of the sample on a list, and how it goes.")),
        ("papers.index", _("Paper sheets"), _("Type in questionnaires that came back on paper, each one twice.")),
        ("preview.instruments", _("Questionnaires"), _("The questions in both languages, as people will see them.")),
        ("feedback.index", _("Comments from people"), _("What people sent to the units beside their answers.")),
        ("schemes.shelf", _("Scoring schemes"), _("What a point is worth: read, compare, change, agree.")),
        ("results.waves", _("Results"), _("Scores of the waves that are closed, and their files.")),
        ("log.index", _("Audit log"), _("Who did what and when, and whether anybody changed it afterwards.")),
        ("people.index", _("Accounts"), _("Who may sign in, for which agency, and with which rights.")),
        ("review.index", _("Suspicious answers"), _("What the screening found, and what two offices decide about it.")),
        (
            "complaints.index",
            _("Sheet and complaints"),
            _("A unit's own figures after the release, and its complaints."),
        ),
    )
    return [page for page in pages if may_open(page[0], signed_in().roles)]
