"""Refusals of what people may decide: approvals that are missing, given before, or not theirs to give."""

from dataclasses import dataclass

from survey.errors import SurveyError


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
class NotAnApprover(SurveyError):
    """No active account of this address may approve."""

    email: str


@dataclass(eq=False)
class ApprovedOtherwise(SurveyError):
    """What was to be approved is not what the person saw: it changed meanwhile."""

    subject: str
