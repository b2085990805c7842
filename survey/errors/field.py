"""Refusals of the field work: interviewers, top-ups, re-contacts."""

from __future__ import annotations

from dataclasses import dataclass

from survey.errors.common import SurveyError


@dataclass(eq=False)
class NoInterviewer(SurveyError):
    """No active account of an interviewer is there, or not one with this address."""

    email: str = ""


@dataclass(eq=False)
class NobodyToAssign(SurveyError):
    """Everybody invited has an interviewer, or nobody can be visited or called."""

    wave: str


@dataclass(eq=False)
class CaseUnknown(SurveyError):
    """No such person on the own list: another's, or the wave is closed."""


@dataclass(eq=False)
class CaseEnded(SurveyError):
    """The person has answered or is none of the survey: there is nothing more to record."""


@dataclass(eq=False)
class NotIndependent(SurveyError):
    """Whoever asks at a counter may belong to no unit that is rated."""

    email: str
    unit: str


@dataclass(eq=False)
class TopUpUnknown(SurveyError):
    """No such counter of one's own: another's, or the wave is closed."""


@dataclass(eq=False)
class NobodyChosen(SurveyError):
    """Every chosen visitor is settled: nobody else may answer."""


@dataclass(eq=False)
class CountTooSmall(SurveyError):
    """More visitors were counted at the counter than somebody states."""

    counted: int


@dataclass(eq=False)
class RecontactDrawn(SurveyError):
    """Who is called was drawn before: there is one list for a wave."""

    wave: str
    seed: int


@dataclass(eq=False)
class WhenMissing(SurveyError):
    """A call-back without the time that was agreed."""
