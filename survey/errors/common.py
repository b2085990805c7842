"""Every refusal of the site that a caller may act on, as a leaf that carries its data.

The sentence for a reader is made at the edge, in the reader's language; `str()` is plain English for logs and commands.
"""

from dataclasses import dataclass, fields


@dataclass(eq=False)
class SurveyError(Exception):
    """The root: a leaf is a dataclass, its fields are what the edge needs for a sentence."""

    def __post_init__(self) -> None:
        self.args = tuple(getattr(self, field.name) for field in fields(self))  # keeps leaves picklable

    def __str__(self) -> str:
        told = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self))
        return f"{type(self).__name__}({told})"


@dataclass(eq=False)
class UnknownInstrument(SurveyError):
    """No instrument of this code is shipped."""

    code: str


@dataclass(eq=False)
class UnknownScheme(SurveyError):
    """No scheme of this code is shipped."""

    code: str


@dataclass(eq=False)
class MissingTree(SurveyError):
    """A data tree is neither in the checkout nor in the installed package: a broken installation."""

    tree: str


# --- database and keys


@dataclass(eq=False)
class DatabaseUnavailable(SurveyError):
    """Locked, full, read-only or away: nothing was stored."""

    reason: str


@dataclass(eq=False)
class DatabaseNotReady(SurveyError):
    """The database's tables are not those of this version."""

    found: str
    wanted: str


@dataclass(eq=False)
class DatabaseMissing(SurveyError):
    """There is no database at this place; only the commands that make one start an empty one."""

    place: str


@dataclass(eq=False)
class StoredMeanwhile(SurveyError):
    """What may be there once was stored by somebody else at the same moment."""

    constraint: str


@dataclass(eq=False)
class ValueForbidden(SurveyError):
    """A value that the tables do not take."""

    constraint: str


@dataclass(eq=False)
class ReferenceMissing(SurveyError):
    """What a row refers to is not there, or something still refers to a row that was to go."""

    constraint: str


@dataclass(eq=False)
class KeyMissing(SurveyError):
    """A key file is not there: destroyed at the seal, or the key folder is another one."""

    name: str


@dataclass(eq=False)
class SealBroken(SurveyError):
    """A sealed or hidden value was changed, or belongs to another key."""


# --- staff


@dataclass(eq=False)
class AccountExists(SurveyError):
    """An account with this address is there already."""

    email: str


# --- files and plans


@dataclass(eq=False)
class FileRefused(SurveyError):
    """A file that is not what it says: nothing of it was taken; `file` is its name where a person gave one."""

    reason: str
    detail: str = ""
    file: str = ""


@dataclass(eq=False)
class UnitUnknown(SurveyError):
    """A unit that is not among the units."""

    unit: str


@dataclass(eq=False)
class WaveUnknown(SurveyError):
    """No wave has this code."""

    wave: str


@dataclass(eq=False)
class WaveExists(SurveyError):
    """A wave with this code is there already."""

    wave: str


@dataclass(eq=False)
class WrongState(SurveyError):
    """The wave is not in the state that this needs."""

    wave: str
    state: str
    needed: str


@dataclass(eq=False)
class SampleInstrument(SurveyError):
    """A real wave must not open with an instrument that is marked as a sample."""

    wave: str
    code: str


@dataclass(eq=False)
class SampleScheme(SurveyError):
    """A real wave must not be scored by a scheme that is marked as a sample."""

    wave: str
    code: str


@dataclass(eq=False)
class NobodyInvited(SurveyError):
    """The wave has neither personal links nor posters: nobody could answer it."""

    wave: str


@dataclass(eq=False)
class ModeNotPlanned(SurveyError):
    """The wave's file does not name this way of answering."""

    wave: str
    mode: str


@dataclass(eq=False)
class UnitNotRated(SurveyError):
    """A unit that is not rated, or of a type that none of the wave's schemes rates."""

    unit: str


@dataclass(eq=False)
class UnitNotInWave(SurveyError):
    """A unit that the wave does not ask about."""

    wave: str
    unit: str


@dataclass(eq=False)
class FrameEmpty(SurveyError):
    """There is nothing to draw from."""

    wave: str


@dataclass(eq=False)
class AlreadyDrawn(SurveyError):
    """The wave's sample was drawn; a second draw would let somebody choose."""

    wave: str
    seed: int


@dataclass(eq=False)
class GroupTooSmall(SurveyError):
    """Fewer than ten raters share what they may judge: their answers could be told apart."""

    group: str
    raters: int


@dataclass(eq=False)
class WrongAudience(SurveyError):
    """A dossier list for a wave of officials, or an officials' list for a wave of citizens."""

    wave: str
    audience: str
    needed: str


# --- answering


@dataclass(eq=False)
class LinkClosed(SurveyError):
    """Unknown, used, expired or closed: one answer for all, nothing revealed."""


@dataclass(eq=False)
class CellFull(SurveyError):
    """Every place of the counter's cell is taken."""


@dataclass(eq=False)
class AnswerRefused(SurveyError):
    """Values that the form does not offer: nothing was stored; item code -> reason."""

    faults: dict[str, str]


@dataclass(eq=False)
class KeyReused(SurveyError):
    """The same sending key came with another body."""


# --- paper


@dataclass(eq=False)
class SheetUnknown(SurveyError):
    """No sheet of an open wave has this number, or it was mistyped."""

    number: str


@dataclass(eq=False)
class SameTypist(SurveyError):
    """The second entry of a sheet must be another person's."""


@dataclass(eq=False)
class SheetMoved(SurveyError):
    """The sheet is not, or no longer, at the step that this needs."""

    state: str


@dataclass(eq=False)
class ExtraMissing(SurveyError):
    """A part of the installation that this needs was left out."""

    extra: str


@dataclass(eq=False)
class NoLot(SurveyError):
    """No ten people of the group may judge the same units: nobody can draw lots."""

    group: str


# --- results


@dataclass(eq=False)
class NotScored(SurveyError):
    """The wave has no stored result yet."""

    wave: str


@dataclass(eq=False)
class ScoresOutdated(SurveyError):
    """The newest run was made from other figures than those of now: its extract cannot be written any more."""

    wave: str


@dataclass(eq=False)
class InputRefused(SurveyError):
    """A typed-in figure that the scheme does not know or that is out of range; `most` are the points that it may be."""

    unit: str
    code: str
    reason: str
    most: str = ""


@dataclass(eq=False)
class AuditBroken(SurveyError):
    """The audit log was changed: the first entry that does not fit, in which way, what was expected and found."""

    number: int
    what: str
    expected: str
    found: str


# --- the web


@dataclass(eq=False)
class RouteUnlisted(SurveyError):
    """A route that the table of who may open what does not name: the site does not start."""

    endpoint: str


@dataclass(eq=False)
class DemoDiffers(SurveyError):
    """A demonstration of another size or seed is in this database already."""

    database: str


@dataclass(eq=False)
class ScoringRefused(SurveyError):
    """The statistics cannot score the wave; the reason names file, row and column of its extract."""

    wave: str
    reason: str


@dataclass(eq=False)
class NotAskable(SurveyError):
    """The questionnaire has items that the pages cannot ask yet."""

    code: str
    items: str


@dataclass(eq=False)
class AnswersWaiting(SurveyError):
    """Accepted answers are still in the spool: a close was cut off."""

    wave: str
    answers: int


@dataclass(eq=False)
class TooFewToRelease(SurveyError):
    """Comments are released with at least nine others, or not at all."""

    released: int
    floor: int


# --- voices


@dataclass(eq=False)
class SpeechMissing(SurveyError):
    """A program that makes speech is not installed here."""

    name: str


@dataclass(eq=False)
class VoicesRecorded(SurveyError):
    """A folder holds what a person spoke: no program speaks there."""

    folder: str
