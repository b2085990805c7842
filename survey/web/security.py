"""A person's own account: password, second factor, and the browsers that are signed in."""

from __future__ import annotations

import segno
from flask import Blueprint, abort, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey.errors.staff import CodeWrong, PasswordRefused
from survey.model.staff import Account
from survey.stages import accounts, factors, staff
from survey.web import guard
from survey.web.account import few_at_once
from survey.web.site import now, signed_in, site
from survey.web.staff_forms import BeginFactorForm, ChangePasswordForm, CodeForm
from survey.web.wording import WEAK

blueprint = Blueprint("security", __name__, url_prefix="/staff/me")
Shown = Response | str | tuple[str, int]


@blueprint.get("")
def index() -> str:
    """What protects the account, and where it is signed in."""
    return _index(ChangePasswordForm())


def _index(form: ChangePasswordForm, *, refused: str = "", saved: bool = False) -> str:
    with site().database.read() as session:
        browsers = accounts.sessions_of(session, signed_in().account_id, now())
    mine = staff.token_hash(guard.staff_token() or "")
    return render_template(
        "account/security.html", form=form, refused=refused, saved=saved, browsers=browsers, mine=mine,
        has_second=signed_in().has_second_factor,
    )  # fmt: skip


@blueprint.post("/password")
def password() -> Shown:
    """Change the password; every other browser is signed out."""
    form = ChangePasswordForm()
    if not form.validate():
        return _index(form), 422
    try:
        accounts.check_password(form.password.data, signed_in().email)
    except PasswordRefused as error:
        form.password.errors = [WEAK[error.reason]]
        return _index(form), 422
    if not _is_present(form.present.data):
        return _index(form, refused="password"), 422
    made = staff.hash_password(form.password.data)
    with site().database.begin() as session:
        kept = staff.token_hash(guard.staff_token() or "")
        accounts.set_password(session, _account(session), made, now=now(), keep=kept)
    return _index(ChangePasswordForm(formdata=None), saved=True)


def _is_present(given: str) -> bool:
    """Whether this is the account's password; wrong ones count as at the sign-in."""
    with site().database.read() as session:
        found = staff.candidate(session, email=signed_in().email, now=now(), device=guard.device_token())
    with few_at_once():
        right = staff.matches(found, given)
    if not right and found.id is not None:
        with site().database.begin() as session:
            staff.count_failure(session, _account(session), found.device, now())
    return right


@blueprint.get("/factor")
def factor() -> str:
    """How the second factor is set up; the picture stands there while a new one waits to be confirmed."""
    return _factor()


def _factor(*, refused: str = "") -> str:
    with site().database.read() as session:
        secret = factors.waiting(session, site().keys.installation, signed_in().account_id)
    picture = None if secret is None else _picture(factors.address(signed_in().email, secret))
    return render_template(
        "account/factor.html", secret=secret, picture=picture, refused=refused, form=CodeForm(),
        present=BeginFactorForm(), has_second=signed_in().has_second_factor,
        is_needed=guard.lacks_second_factor(signed_in()),
    )  # fmt: skip


@blueprint.post("/factor")
def begin() -> Shown:
    """Make a new secret, for who knows the password still."""
    form = BeginFactorForm()
    if not form.validate() or not _is_present(form.present.data):
        return _factor(refused="password"), 422
    with site().database.begin() as session:
        factors.begin(session, site().keys.installation, _account(session))
    return redirect(url_for("security.factor"), 303)


@blueprint.post("/factor/confirm")
def confirm() -> Shown:
    """Take the new factor into use; the spare codes are shown this once."""
    form = CodeForm()
    if not form.validate():
        return _factor(refused="code"), 422
    try:
        with site().database.begin() as session:
            codes = factors.confirm(session, site().keys.installation, _account(session), form.code.data, now=now())
            accounts.end_sessions(session, signed_in().account_id, keep=staff.token_hash(guard.staff_token() or ""))
    except CodeWrong:
        return _factor(refused="code"), 422
    return render_template("account/codes.html", codes=[f"{code[:5]}-{code[5:]}" for code in codes])


@blueprint.post("/sessions/<number>/end")
def end(number: str) -> Response:
    """Sign one of the own browsers out."""
    with site().database.begin() as session:
        accounts.end_session(session, signed_in().account_id, number)
    return redirect(url_for("security.index"), 303)


def _account(session: Session) -> Account:
    found = session.get(Account, signed_in().account_id)
    return found if found is not None else abort(403)


def _picture(address: str) -> str:
    """The code that an authenticator app scans, as the address of a picture."""
    drawn: str = segno.make(address, error="m", micro=False).svg_data_uri(border=4, scale=5)
    return drawn
