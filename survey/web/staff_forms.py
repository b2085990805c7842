"""The forms of accounts: sign-in, codes, passwords, and what an administrator fills in; labels stand in templates."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length

from survey.i18n import Translator
from survey.i18n import mark as _n
from survey.stages.staff import Role
from survey.web.site import translations

TOO_LONG = _n("This is too long.")
EMAIL_WANTED = _n("Enter your e-mail address.")
CODE_WANTED = _n("Enter the code.")
PASSWORD_WANTED = _n("Enter your password.")
NEW_WANTED = _n("Enter a new password.")
NAME_WANTED = _n("Enter the name.")
AGENCY_WANTED = _n("Enter the agency.")
ROLE_NAMES = {
    Role.ADMIN: _n("administrator"),
    Role.DATA_OFFICE: _n("data office"),
    Role.SURVEY_OFFICE: _n("survey office"),
    Role.INTERVIEWER: _n("interviewer"),
    Role.LEAD_AGENCY: _n("lead agency"),
    Role.OVERSIGHT: _n("oversight"),
    Role.RATED_UNIT: _n("rated unit"),
}
BY_MAIL, SHOWN = "mail", "shown"


class StaffForm(FlaskForm):  # type: ignore[misc]
    """WTForms brings no Vietnamese: its own sentences come from our catalogue."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        def get_translations(self, form: FlaskForm) -> Translator:
            return translations()


def _needed(sentence: str, most: int) -> list[object]:
    return [InputRequired(sentence), Length(max=most, message=TOO_LONG)]


class SignInForm(StaffForm):
    """Address and password."""

    email = EmailField(validators=_needed(EMAIL_WANTED, 254))
    password = PasswordField(validators=_needed(PASSWORD_WANTED, 200))


class CodeForm(StaffForm):
    """Six digits of an authenticator app, or a spare code."""

    code = StringField(validators=_needed(CODE_WANTED, 20))


class AddressForm(StaffForm):
    """For whom a link to a new password is wanted."""

    email = EmailField(validators=_needed(EMAIL_WANTED, 254))


class NewPasswordForm(StaffForm):
    """A password that is set by a link."""

    password = PasswordField(validators=_needed(NEW_WANTED, 200))


class ChangePasswordForm(StaffForm):
    """The password of now and the one to come."""

    present = PasswordField(validators=_needed(PASSWORD_WANTED, 200))
    password = PasswordField(validators=_needed(NEW_WANTED, 200))


class BeginFactorForm(StaffForm):
    """The password again, before a second factor is changed."""

    present = PasswordField(validators=_needed(PASSWORD_WANTED, 200))


class AccountForm(StaffForm):
    """What an account is and may; `units` fills the list."""

    name = StringField(validators=_needed(NAME_WANTED, 300))
    agency = StringField(validators=_needed(AGENCY_WANTED, 300))
    unit = SelectField(choices=[], validate_choice=False)
    roles = SelectMultipleField(choices=[role.value for role in Role])
    active = BooleanField()


class InvitationForm(AccountForm):
    """A person who gets an account."""

    email = EmailField(validators=_needed(EMAIL_WANTED, 254))
    way = RadioField(choices=[BY_MAIL, SHOWN], default=SHOWN)
