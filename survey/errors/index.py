"""Refusals of the year's index: what does not go with its scheme, year or waves, and what is not there yet."""

from dataclasses import dataclass

from survey.errors.common import SurveyError


@dataclass(eq=False)
class SchemeNotOfYear(SurveyError):
    """An index of a year that its scheme does not serve."""

    scheme: str
    year: int
    years: str


@dataclass(eq=False)
class SchemeChanged(SurveyError):
    """An index sheet was begun with another text of the scheme."""

    scheme: str
    year: int


@dataclass(eq=False)
class SchemeNotInWave(SurveyError):
    """A wave that an index sheet should join was scored by other rules."""

    wave: str
    scheme: str


@dataclass(eq=False)
class WaveOfOtherYear(SurveyError):
    """A wave that an index sheet should join belongs to another year."""

    wave: str
    year: int
    needed: int


@dataclass(eq=False)
class IndexUnknown(SurveyError):
    """Nothing was imported for this scheme and year."""

    scheme: str
    year: int


@dataclass(eq=False)
class IndexNotScored(SurveyError):
    """An index sheet without a run."""

    scheme: str
    year: int


@dataclass(eq=False)
class IndexOutdated(SurveyError):
    """What an index sheet is made from was changed since its newest run."""

    scheme: str
    year: int


@dataclass(eq=False)
class IndexRefused(SurveyError):
    """The statistics refuse an index sheet; the reason names file, row and column."""

    scheme: str
    year: int
    reason: str


@dataclass(eq=False)
class IndexSealed(SurveyError):
    """An index sheet that is sealed, and of which nothing newer may be sealed yet."""

    scheme: str
    year: int
    number: int


@dataclass(eq=False)
class IndexNotSealed(SurveyError):
    """An index sheet without the seal that is asked for."""

    scheme: str
    year: int
