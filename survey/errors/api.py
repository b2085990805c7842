"""Refusals of the API and its keys."""

from __future__ import annotations

from dataclasses import dataclass

from survey.errors.common import SurveyError


@dataclass(eq=False)
class ApiKeyUnknown(SurveyError):
    """There is no key of this id."""

    key: str
