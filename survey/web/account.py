"""Sign-in and sign-out of those who run the survey, and their start page."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired, Length

from survey.i18n import Translator
from survey.i18n import mark as _n
from survey.stages import staff
from survey.web import guard
from survey.web.chrome import own_path
from survey.web.routes import may_open
from survey.web.site import gettext as _
from survey.web.site import now, signed_in, site, translations

blueprint = Blueprint("account", __name__, url_prefix="/staff")
TOO_LONG = _n("This is too long.")
ROLE_NAMES = {
    staff.Role.ADMIN: _n("administrator"),
    staff.Role.DATA_OFFICE: _n("data office"),
    staff.Role.SURVEY_OFFICE: _n("survey office"),
    staff.Role.INTERVIEWER: _n("interviewer"),
    staff.Role.LEAD_AGENCY: _n("lead agency"),
    staff.Role.OVERSIGHT: _n("oversight"),
    staff.Role.RATED_UNIT: _n("rated unit"),
}


class SignInForm(FlaskForm):  # type: ignore[misc]
    """Address and password; its labels stand in the template."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """WTForms brings no Vietnamese: its own sentences come from our catalogue."""

        def get_translations(self, form: FlaskForm) -> Translator:
            return translations()

    email = EmailField(validators=[InputRequired(_n("Enter your e-mail address.")), Length(max=254, message=TOO_LONG)])
    password = PasswordField(validators=[InputRequired(_n("Enter your password.")), Length(max=200, message=TOO_LONG)])


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response | str | tuple[str, int]:
    """Show the form; take an account in under a new session."""
    form = SignInForm()
    target = own_path(request.args.get("next"))
    if not form.is_submitted():
        return render_template("account/sign_in.html", form=form, target=target, refused=False)
    token = open_session(form) if form.validate() else None
    if token is None:
        refused = not form.errors
        return render_template("account/sign_in.html", form=form, target=target, refused=refused), 422
    session.clear()  # the form's token of before is known to whoever prepared this browser
    response = current_app.make_response(redirect(target or url_for("account.home"), 303))
    guard.remember_staff(response, token)
    return response


def open_session(form: SignInForm) -> str | None:
    """The token of a new session, or None; the slow comparison happens outside any transaction."""
    with site().database.read() as opened:
        candidate = staff.candidate(opened, email=form.email.data, now=now())
    right = staff.matches(candidate, form.password.data)
    with site().database.begin() as opened:
        return staff.settle(opened, candidate, right=right, now=now())


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """End the session here and on the server."""
    with site().database.begin() as opened:
        staff.sign_out(opened, guard.staff_token() or "")
    session.clear()
    response = current_app.make_response(redirect(url_for("account.sign_in"), 303))
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
        ("coordinate.waves", _("Board"), _("How many questionnaires came in, and how many are still wanted.")),
        ("papers.index", _("Paper sheets"), _("Type in questionnaires that came back on paper, each one twice.")),
        ("preview.instruments", _("Questionnaires"), _("The questions in both languages, as people will see them.")),
        ("feedback.index", _("Comments from people"), _("What people sent to the units beside their answers.")),
        ("results.waves", _("Results"), _("Scores of the waves that are closed, and their files.")),
    )
    return [page for page in pages if may_open(page[0], signed_in().roles)]
