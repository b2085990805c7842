"""Refusals of what is done with schemes on the site."""

from __future__ import annotations

from dataclasses import dataclass

from survey.errors.common import SurveyError


@dataclass(eq=False)
class SchemeShipped(SurveyError):
    """The code is that of a shipped scheme: the province's own needs a code of its own."""

    code: str


@dataclass(eq=False)
class VersionTaken(SurveyError):
    """Another text was kept under this version."""

    code: str
    version: str


@dataclass(eq=False)
class SchemeServesNone(SurveyError):
    """The wave rates no unit of the level that the scheme ranks."""

    code: str
    wave: str
