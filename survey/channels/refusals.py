"""Why messages are not planned or sent at all."""

from __future__ import annotations

from dataclasses import dataclass

from survey.errors.common import SurveyError


@dataclass(eq=False)
class ChannelsMissing(SurveyError):
    """There is no file that says how messages are sent."""

    file: str


@dataclass(eq=False)
class StepUnknown(SurveyError):
    """The texts have no such step."""

    step: str
    steps: str


@dataclass(eq=False)
class StepNotPlanned(SurveyError):
    """Nothing of this step is in the outbox."""

    wave: str
    step: str


@dataclass(eq=False)
class BudgetExceeded(SurveyError):
    """The messages would cost more than the wave may spend on them."""

    wave: str
    cost: int
    left: int


@dataclass(eq=False)
class NotForTrial(SurveyError):
    """A real wave is not sent through the gateways of a rehearsal."""

    wave: str
