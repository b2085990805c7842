"""Refusals of what people may decide: approvals that are missing, given before, or not theirs to give."""

from dataclasses import dataclass

from survey.errors.common import SurveyError


@dataclass(eq=False)
class ApprovalsMissing(SurveyError):
    """What two agencies must agree to is not agreed to yet; `missing` says what is wanted still."""

    subject: str
    missing: str


@dataclass(eq=False)
class ApprovalGiven(SurveyError):
    """This person, or another one of this agency, agreed to this already."""

    subject: str
    agency: str


@dataclass(eq=False)
class ApprovalWithoutDocument(SurveyError):
    """An approval names the document that it rests on: number, date, signer."""

    subject: str


@dataclass(eq=False)
class AgencyUnclear(SurveyError):
    """An agency's name is so near to another one's that nobody can say whether they are two."""

    agency: str
    other: str


@dataclass(eq=False)
class NotAnApprover(SurveyError):
    """No active account of this address may approve."""

    email: str


@dataclass(eq=False)
class ApprovedOtherwise(SurveyError):
    """What was to be approved is not what the person saw: it changed meanwhile."""

    subject: str


# --- accounts


@dataclass(eq=False)
class AddressRefused(SurveyError):
    """This is not an e-mail address that a message can go to."""

    email: str


@dataclass(eq=False)
class PhoneRefused(SurveyError):
    """This is not a telephone number of the country; the number itself is told nobody again."""


@dataclass(eq=False)
class RolesApart(SurveyError):
    """Roles that one person must not hold together (METHOD section 7)."""

    roles: str


@dataclass(eq=False)
class UnitNeeded(SurveyError):
    """An account of this role speaks for a unit, and none is named."""

    role: str


@dataclass(eq=False)
class OwnAccount(SurveyError):
    """Nobody changes the rights of the own account."""


@dataclass(eq=False)
class AccountUnknown(SurveyError):
    """There is no such account."""


@dataclass(eq=False)
class LinkOver(SurveyError):
    """An invitation or recovery that is used, replaced, too old or unknown: one answer for all."""


@dataclass(eq=False)
class PasswordRefused(SurveyError):
    """A password that can be guessed; `reason` says why."""

    reason: str


@dataclass(eq=False)
class CodeWrong(SurveyError):
    """A one-time code that does not fit, or was used already."""


@dataclass(eq=False)
class SignOnRefused(SurveyError):
    """The province's sign-on did not end with a person of this site; `what` names the check for the log."""

    what: str


@dataclass(eq=False)
class FactorMissing(SurveyError):
    """Somebody who signs without the second factor that this site asks for."""
