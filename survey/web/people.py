"""Accounts of the installation: an administrator invites, changes and ends them; oversight may look."""

from __future__ import annotations

import os

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey import queue
from survey.channels.configuration import read_channels
from survey.channels.contract import Channel
from survey.errors.common import AccountExists, SurveyError
from survey.errors.staff import AddressRefused, OwnAccount, RolesApart, UnitNeeded
from survey.i18n import EN
from survey.model.staff import Account
from survey.sentences.refusals import sentences
from survey.stages import accounts, factors, units
from survey.stages.accounts import Change, Purpose
from survey.web.routes import may_open
from survey.web.site import data_language, now, signed_in, site, translations
from survey.web.staff_forms import BY_MAIL, ROLE_NAMES, AccountForm, InvitationForm

blueprint = Blueprint("people", __name__, url_prefix="/staff/accounts")
Shown = Response | str | tuple[str, int]
REFUSED = (AccountExists, AddressRefused, RolesApart, UnitNeeded, OwnAccount)


@blueprint.get("")
def index() -> str:
    """Everybody who may sign in."""
    with site().database.read() as session:
        found = accounts.all_accounts(session)
        names = _unit_names(session)
    may_change = may_open("people.invite", signed_in().roles)
    return render_template(
        "account/people.html", people=found, units=names, role_names=ROLE_NAMES, may_change=may_change, now=now()
    )


@blueprint.route("/new", methods=["GET", "POST"])
def invite() -> Shown:
    """Invite somebody; the link goes out by mail or is shown this once."""
    form = InvitationForm()
    with site().database.read() as session:
        _fill_units(form, session)
    if not form.is_submitted():
        return _invite_page(form, [])
    if not form.validate():
        return _invite_page(form, []), 422
    try:
        with site().database.begin() as session:
            account, token = accounts.invite(
                session, email=form.email.data, name=form.name.data, agency=form.agency.data,
                roles=form.roles.data or [], unit=form.unit.data or None, actor=signed_in().email, now=now(),
            )  # fmt: skip
    except REFUSED as error:
        return _invite_page(form, sentences(error, translations())), 422
    return _send(account) if form.way.data == BY_MAIL and has_mail() else _show(account, token)


def _invite_page(form: InvitationForm, problems: list[str]) -> str:
    return render_template(
        "account/invite.html", form=form, role_names=ROLE_NAMES, problems=problems, has_mail=has_mail()
    )


@blueprint.route("/<number>", methods=["GET", "POST"])
def account(number: str) -> Shown:
    """What one account is and may; a change ends its sessions."""
    form = AccountForm()
    with site().database.read() as session:
        _fill_units(form, session)
        found = accounts.listed(session, accounts.find(session, number))
    if not form.is_submitted():
        form.process(data={
            "name": found.account.name, "agency": found.account.agency, "unit": found.account.unit_code or "",
            "roles": list(found.roles), "active": found.account.active,
        })  # fmt: skip
        return _account_page(number, form, [])
    if not form.validate():
        return _account_page(number, form, []), 422
    wanted = Change(
        form.name.data, form.agency.data, form.unit.data or None, tuple(form.roles.data or []), form.active.data
    )
    try:
        with site().database.begin() as session:
            accounts.change(session, accounts.find(session, number), wanted, actor=signed_in().email, now=now())
    except REFUSED as error:
        return _account_page(number, form, sentences(error, translations())), 422
    return redirect(url_for("people.account", number=number, saved="yes"), 303)


def _account_page(number: str, form: AccountForm, problems: list[str]) -> str:
    with site().database.read() as session:
        found = accounts.find(session, number)
        shown = accounts.listed(session, found)
        browsers = accounts.sessions_of(session, found.id, now())
    return render_template(
        "account/person.html", form=form, person=shown, number=number, role_names=ROLE_NAMES, problems=problems,
        browsers=browsers, has_mail=has_mail(), saved=request.args.get("saved") == "yes" and not problems,
        is_own=found.email == signed_in().email, sent=request.args.get("sent") == "yes",
    )  # fmt: skip


@blueprint.post("/<number>/link")
def link(number: str) -> Shown:
    """A link to a new password for somebody who cannot get in."""
    if request.form.get("way") == BY_MAIL and has_mail():
        return _send(_other(number))
    with site().database.begin() as session:
        found = accounts.find(session, number)
        accounts.require_other(found, signed_in().email)
        purpose = Purpose.RECOVERY if found.password_hash else Purpose.INVITATION
        token = accounts.issue_link(session, found, purpose, actor=signed_in().email, now=now())
    return _show(found, token)


def _other(number: str) -> Account:
    with site().database.read() as session:
        found = accounts.find(session, number)
    accounts.require_other(found, signed_in().email)
    return found


@blueprint.post("/<number>/factor")
def forget_factor(number: str) -> Response:
    """A lost telephone: the second factor goes, and a new one is set up at the next sign-in."""
    with site().database.begin() as session:
        found = accounts.find(session, number)
        accounts.require_other(found, signed_in().email)
        factors.forget(session, found, actor=signed_in().email, now=now())
        accounts.end_sessions(session, found.id)
    return redirect(url_for("people.account", number=number, saved="yes"), 303)


@blueprint.post("/<number>/sessions/<session_number>/end")
def end(number: str, session_number: str) -> Response:
    """Sign one browser of somebody out."""
    with site().database.begin() as session:
        accounts.end_session(session, accounts.find(session, number).id, session_number)
    return redirect(url_for("people.account", number=number), 303)


def has_mail() -> bool:
    """Whether this installation sends e-mail in earnest."""
    file = site().settings.channels
    try:
        told = read_channels(file, os.environ) if file.is_file() else None
    except SurveyError:  # doctor names the faults
        return False
    return told is not None and told.trial is None and Channel.EMAIL in told.adapters


def _send(account: Account) -> Response:
    """Let the worker send a link, one that it makes itself: no link lies in the queue."""
    queue.enqueue(site().settings, "staff_link", email=account.email, again="yes")
    return redirect(url_for("people.account", number=account.id.hex(), sent="yes"), 303)


def _show(account: Account, token: str) -> str:
    """The link, this once."""
    address = site().settings.base_url + url_for("links.set_password", token=token)
    return render_template("account/link_shown.html", person=account, address=address)


def _fill_units(form: AccountForm, session: Session) -> None:
    form.unit.choices = [("", "–"), *_unit_names(session).items()]


def _unit_names(session: Session) -> dict[str, str]:
    name = "name_en" if data_language() == EN else "name_vi"
    return {unit.code: getattr(unit, name) for unit in units.all_units(session)}
