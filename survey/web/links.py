"""Links that set a password: asked for at the sign-in page, or made by an administrator. Looking uses none up."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from survey import queue
from survey.errors.staff import PasswordRefused
from survey.stages import accounts, staff
from survey.web.account import few_at_once
from survey.web.site import now, site
from survey.web.staff_forms import AddressForm, NewPasswordForm
from survey.web.wording import WEAK

blueprint = Blueprint("links", __name__, url_prefix="/staff")
Shown = Response | str | tuple[str, int]


@blueprint.route("/recover", methods=["GET", "POST"])
def recover() -> Shown:
    """Ask for a link; the answer is the same, and as quick, whether the address has an account or not."""
    form = AddressForm()
    if not form.is_submitted():
        return render_template("account/recover.html", form=form)
    if not form.validate():
        return render_template("account/recover.html", form=form), 422
    queue.enqueue(site().settings, "staff_link", email=form.email.data)
    return redirect(url_for("links.asked"), 303)


@blueprint.get("/recover/asked")
def asked() -> str:
    return render_template("account/recover_asked.html")


@blueprint.route("/link/<token>", methods=["GET", "POST"])
def set_password(token: str) -> Shown:
    """Set a password by a link; it is used up only then, and nobody is signed in by it."""
    form = NewPasswordForm()
    with site().database.read() as session:
        account = accounts.of_link(session, token, now())
    if not form.is_submitted():
        return render_template("account/link.html", form=form, account=account, token=token)
    if not _is_good(form, account.email):
        return render_template("account/link.html", form=form, account=account, token=token), 422
    with few_at_once():
        made = staff.hash_password(form.password.data)
    with site().database.begin() as session:
        accounts.redeem(session, token, made, now=now())
    return redirect(url_for("links.done"), 303)


@blueprint.get("/link-done")
def done() -> str:
    return render_template("account/link_done.html")


def _is_good(form: NewPasswordForm, email: str) -> bool:
    if not form.validate():
        return False
    try:
        accounts.check_password(form.password.data, email)
    except PasswordRefused as error:
        form.password.errors = [WEAK[error.reason]]
        return False
    return True
