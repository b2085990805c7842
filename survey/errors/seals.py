"""Refusals of a review, a release, a complaint or a seal."""

from __future__ import annotations

from dataclasses import dataclass

from survey.errors.common import SurveyError


@dataclass(eq=False)
class NotScreened(SurveyError):
    """The wave's answers were not screened for suspicious ones."""

    wave: str


@dataclass(eq=False)
class CasesOpen(SurveyError):
    """Suspicious answers wait for the decision of two people."""

    wave: str
    cases: int


@dataclass(eq=False)
class GroupUnknown(SurveyError):
    """The newest screening has no such case."""


@dataclass(eq=False)
class CaseDecided(SurveyError):
    """Two people decided; that stands."""


@dataclass(eq=False)
class TaskRuns(SurveyError):
    """The same computation was asked for and is not at its end."""

    wave: str


@dataclass(eq=False)
class PasswordWrong(SurveyError):
    """Who signs at the command line gives the password of an account."""


@dataclass(eq=False)
class RunUnknown(SurveyError):
    """The wave has no such run."""

    wave: str
    run: str


@dataclass(eq=False)
class NotReleased(SurveyError):
    """Nothing of the wave was let out in this step yet."""

    wave: str


@dataclass(eq=False)
class NothingProposed(SurveyError):
    """There is no proposal to sign."""

    wave: str


@dataclass(eq=False)
class AlreadySealed(SurveyError):
    """The wave is sealed; only a new seal with a reason replaces it."""

    wave: str
    number: int


@dataclass(eq=False)
class NothingToReplace(SurveyError):
    """A reason is given for replacing a seal that is not there, or the run is the one that is sealed."""

    wave: str


@dataclass(eq=False)
class WindowOpen(SurveyError):
    """Complaints can be filed still."""

    wave: str
    until: str


@dataclass(eq=False)
class WindowClosed(SurveyError):
    """The time for complaints is over, or has not begun."""

    wave: str


@dataclass(eq=False)
class WindowTooShort(SurveyError):
    """The time for complaints must end after now."""

    wave: str


@dataclass(eq=False)
class ComplaintsOpen(SurveyError):
    """Complaints wait for an answer or a decision."""

    wave: str
    complaints: int


@dataclass(eq=False)
class ComplaintUnknown(SurveyError):
    """There is no such complaint."""


@dataclass(eq=False)
class ComplaintSettled(SurveyError):
    """What was answered or decided stays as it is."""


@dataclass(eq=False)
class TextMissing(SurveyError):
    """A reason or text is needed."""


@dataclass(eq=False)
class NotYours(SurveyError):
    """This step belongs to another office."""


@dataclass(eq=False)
class SealUnknown(SurveyError):
    """The wave has no such seal."""

    wave: str
    number: int
