"""Why a backup, a key file or a signed head was not made or not taken; each leaf carries what its sentence needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from survey.errors.common import SurveyError


class Damage(StrEnum):
    """What is wrong with a file that was carried here."""

    NOT_OURS = "not_ours"  # not such a file at all
    NOT_WHOLE = "not_whole"  # its end is missing
    CHANGED = "changed"  # a part is not what was written
    FOREIGN = "foreign"  # signed by another installation
    TOO_NEW = "too_new"  # tables of a later version
    OTHER_ENGINE = "other_engine"


@dataclass(eq=False)
class CarriedFileRefused(SurveyError):
    """A backup, key file or head that was cut, changed or comes from elsewhere: nothing was touched."""

    file: str
    damage: Damage
    part: str = ""


@dataclass(eq=False)
class FileThere(SurveyError):
    """A file of this name is there already; it is never written over."""

    file: str


@dataclass(eq=False)
class PassphraseWrong(SurveyError):
    """The file is sealed with another passphrase."""

    file: str


@dataclass(eq=False)
class PassphraseMissing(SurveyError):
    """A passphrase is needed and nobody is there to be asked."""


@dataclass(eq=False)
class PassphraseShort(SurveyError):
    """A passphrase that can be guessed."""

    shortest: int


@dataclass(eq=False)
class DatabaseNotEmpty(SurveyError):
    """A backup goes into an empty database, or replaces one when that was asked for."""

    place: str


@dataclass(eq=False)
class DatabaseInUse(SurveyError):
    """Somebody has the database open: replaced under them, they would go on in the old one."""

    place: str


@dataclass(eq=False)
class ToolMissing(SurveyError):
    """A program of the database engine is not installed here."""

    name: str


@dataclass(eq=False)
class ToolFailed(SurveyError):
    """A program of the database engine refused; `said` is its own line."""

    name: str
    said: str


@dataclass(eq=False)
class KeyDiffers(SurveyError):
    """The key folder holds another key under the same name: none was written."""

    name: str
