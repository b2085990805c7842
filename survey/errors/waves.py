"""Refusals of a wave that would ask nobody, at no time, or that nobody decided."""

from dataclasses import dataclass
from datetime import datetime

from survey.errors.common import SurveyError


@dataclass(eq=False)
class UnitNotProvince(SurveyError):
    """A unit that a wave names as its province, and that is another kind of unit."""

    unit: str


@dataclass(eq=False)
class NothingRated(SurveyError):
    """A wave without a unit: none of its province is rated by its schemes in its period."""

    wave: str


@dataclass(eq=False)
class TargetMissing(SurveyError):
    """Units of a citizens' wave from which no answers are wanted: nobody would be drawn there."""

    wave: str
    units: str


@dataclass(eq=False)
class DocumentEmpty(SurveyError):
    """A decision that is named by nothing."""

    wave: str


@dataclass(eq=False)
class TooLate(SurveyError):
    """A wave that would be over before it opens."""

    wave: str
    closes: str


@dataclass(eq=False)
class TooEarly(SurveyError):
    """A wave is only extended: its new end lies after the old one and after now."""

    wave: str
    closes: str


@dataclass(eq=False)
class DocumentMissing(SurveyError):
    """A step of a real wave that no decision stands behind."""

    wave: str


@dataclass(eq=False)
class PauseTooShort(SurveyError):
    """A pause that would end before now, or not before the wave does."""

    wave: str
    closes: str


@dataclass(eq=False)
class WavePaused(SurveyError):
    """A link that is in order, of a wave that takes no answers before `until`."""

    wave: str
    until: datetime


@dataclass(eq=False)
class ReleaseNotBegun(SurveyError):
    """Nobody is invited yet: what the next invitations gain is counted from those that are out."""

    wave: str


@dataclass(eq=False)
class FrameUnsigned(SurveyError):
    """Nobody answers for the lists as they stand: nothing is drawn from them."""

    wave: str


@dataclass(eq=False)
class ReleaseBegun(SurveyError):
    """Links are out already: the first replicate goes out once."""

    wave: str


@dataclass(eq=False)
class ReleaseOvertaken(SurveyError):
    """An advice that was released meanwhile, or that a newer one took the place of."""

    wave: str


@dataclass(eq=False)
class NobodyLeft(SurveyError):
    """Everybody drawn who can be reached is invited."""

    wave: str


@dataclass(eq=False)
class PlanRefused(SurveyError):
    """No sample can be planned so; the reason names what is out of range."""

    wave: str
    reason: str


@dataclass(eq=False)
class SignerMissing(SurveyError):
    """A coverage note that no person signs."""

    wave: str


@dataclass(eq=False)
class NoRateKnown(SurveyError):
    """A plan that is to take last wave's response rates, where there was none."""

    wave: str


@dataclass(eq=False)
class NoValueKnown(SurveyError):
    """A plan that is to take last wave's index and variance, where none was let out."""

    wave: str


@dataclass(eq=False)
class TotalOutOfReach(SurveyError):
    """A number of answers to share out that the units cannot hold."""

    wave: str
    least: int
    most: int


@dataclass(eq=False)
class PlanMissing(SurveyError):
    """A draw, or an agreement, without a plan to stand on."""

    wave: str


@dataclass(eq=False)
class PlanOutdated(SurveyError):
    """A plan of lists that have changed since."""

    wave: str
    version: int


@dataclass(eq=False)
class PlanDecides(SurveyError):
    """A response rate typed in for the draw of a wave whose plan was agreed to."""

    wave: str


@dataclass(eq=False)
class ListMissing(SurveyError):
    """An upload without a file."""

    wave: str


@dataclass(eq=False)
class ListGone(SurveyError):
    """A list that was sent by a page and is not there any more: another took its place."""

    wave: str


@dataclass(eq=False)
class NothingToCopy(SurveyError):
    """A wave of which no unit is rated any more in the period of its copy."""

    wave: str


@dataclass(eq=False)
class CodeRefused(SurveyError):
    """A wave's code that cannot stand in an address."""

    code: str
