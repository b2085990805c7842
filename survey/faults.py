"""What is wrong with a data file, place by place: a fault carries codes, its sentence is made at the edge.

An instrument, a scheme, a mapping or a wave file is refused whole, with every fault that it has (`FaultyFile`).
"""

from dataclasses import dataclass
from enum import StrEnum

from survey.errors.common import SurveyError


class Reason(StrEnum):
    """Why a place in a data file was refused."""

    NOT_TOML = "not_toml"
    NOT_UTF8 = "not_utf8"
    MISSING = "missing"
    UNKNOWN_KEY = "unknown_key"
    WRONG_TYPE = "wrong_type"
    CODE_NOT_TEXT = "code_not_text"
    BAD_CODE = "bad_code"
    RESERVED_CODE = "reserved_code"
    NOT_ONE_OF = "not_one_of"
    MISSING_LANGUAGE = "missing_language"
    UNKNOWN_LANGUAGE = "unknown_language"
    EMPTY = "empty"
    DUPLICATE = "duplicate"
    UNKNOWN_LIST = "unknown_list"
    UNKNOWN_FACTOR = "unknown_factor"
    UNKNOWN_GROUP = "unknown_group"
    UNKNOWN_PART = "unknown_part"
    UNKNOWN_ITEM = "unknown_item"
    UNKNOWN_CHOICE = "unknown_choice"
    NO_VALUE = "no_value"
    NOT_EARLIER = "not_earlier"
    NOT_A_SCALE = "not_a_scale"
    NOT_SCORED = "not_scored"
    UNFIT = "unfit"
    OUT_OF_RANGE = "out_of_range"
    WRONG_SUM = "wrong_sum"
    UNSORTED = "unsorted"
    OVERLAP = "overlap"
    GAP = "gap"


def _n(message: str) -> str:
    """Mark a sentence for extraction; it is translated where it is shown."""
    return message


SENTENCES: dict[Reason, str] = {
    Reason.NOT_TOML: _n("this is not TOML: {}"),
    Reason.NOT_UTF8: _n("the file is not UTF-8 text: {}"),
    Reason.MISSING: _n("this is missing"),
    Reason.UNKNOWN_KEY: _n("no such key here"),
    Reason.WRONG_TYPE: _n("this must be {}"),
    Reason.CODE_NOT_TEXT: _n("a code is text, write it in quotes: {}"),
    Reason.BAD_CODE: _n("a code has only letters, digits, '.', '_' and '-', at most 40: {}"),
    Reason.RESERVED_CODE: _n("this code is the name of a column of the extract: {}"),
    Reason.NOT_ONE_OF: _n("not one of {}"),
    Reason.MISSING_LANGUAGE: _n("the text in language {} is missing"),
    Reason.UNKNOWN_LANGUAGE: _n("language {} is not among the file's languages"),
    Reason.EMPTY: _n("this is empty"),
    Reason.DUPLICATE: _n("{} was given before"),
    Reason.UNKNOWN_LIST: _n("unknown list {}"),
    Reason.UNKNOWN_FACTOR: _n("unknown factor {}"),
    Reason.UNKNOWN_GROUP: _n("unknown group {}"),
    Reason.UNKNOWN_PART: _n("no area, criterion or component {} in this scheme"),
    Reason.UNKNOWN_ITEM: _n("unknown item {}"),
    Reason.UNKNOWN_CHOICE: _n("unknown choice {}"),
    Reason.NO_VALUE: _n("no value is given for the choice {}"),
    Reason.NOT_EARLIER: _n("item {} is not asked before this one"),
    Reason.NOT_A_SCALE: _n("a scored item needs a list with the codes 1, 2, 3 ..., not list {}"),
    Reason.NOT_SCORED: _n("item {} is not scored"),
    Reason.UNFIT: _n("this does not go with {}"),
    Reason.OUT_OF_RANGE: _n("out of range: {}"),
    Reason.WRONG_SUM: _n("the parts do not add up: {}"),
    Reason.UNSORTED: _n("the limits must fall from line to line: {}"),
    Reason.OVERLAP: _n("two lines begin at the same limit: {}"),
    Reason.GAP: _n("the last line must begin at 0, not at {}"),
}


@dataclass(frozen=True)
class Fault:
    """One fault of a data file; `place` counts the tables of a list from 1, as in `item[3]`."""

    file: str
    place: str
    key: str
    reason_code: Reason
    detail: str = ""

    def __str__(self) -> str:
        where = ".".join(part for part in (self.place, self.key) if part)
        return ": ".join(part for part in (self.file, where, SENTENCES[self.reason_code].format(self.detail)) if part)


@dataclass(eq=False)
class FaultyFile(SurveyError):
    """A data file (instrument, scheme, mapping, wave) with all its faults."""

    file: str
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)
