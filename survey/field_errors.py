"""Refusals of the field work: interviewers, top-ups, re-contacts."""

from __future__ import annotations

from dataclasses import dataclass

from survey.errors import SurveyError


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
class WhenMissing(SurveyError):
    """A call-back without the time that was agreed."""
