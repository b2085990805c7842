"""What is said of seals: what was changed in a bundle, why a step to a release or a seal was refused."""

from __future__ import annotations

from survey.custody.broken import BundleBroken, Fault
from survey.i18n import Translator
from survey.i18n import mark as _n

FAULTS: dict[Fault, str] = {
    Fault.NOT_A_BUNDLE: _n("this is neither a sealed bundle nor a folder of results"),
    Fault.UNSEALED: _n("it is missing: the bundle was never sealed, or was written only half"),
    Fault.CUT_OFF: _n("its end is missing"),
    Fault.CHANGED: _n("it was changed after it was written"),
    Fault.REWRITTEN: _n("it says the same in other bytes than those that were sealed"),
    Fault.FIELD_CHANGED: _n("it was changed after the signature"),
    Fault.FIELD_MISSING: _n("it was taken out after the signature"),
    Fault.FIELD_ADDED: _n("it was put in after the signature"),
    Fault.SIGNATURE: _n("the signature does not fit"),
    Fault.FOREIGN: _n("it was sealed with another key than the one named"),
    Fault.FILE_MISSING: _n("the file is missing"),
    Fault.FILE_ADDED: _n("the file was put in after the seal"),
    Fault.FILE_TWICE: _n("the file stands in the archive twice"),
    Fault.ROW_CHANGED: _n("it was changed after the seal"),
    Fault.ROW_MISSING: _n("the row that stood here was taken out"),
    Fault.ROW_ADDED: _n("this row was put in after the seal"),
    Fault.ROWS_MOVED: _n("the rows stand in another order"),
    Fault.PACKING: _n("the files in it are as they were sealed, but the archive around them was changed"),
    Fault.OTHER_DIGITS: _n("computed again, it comes out otherwise"),
    Fault.RECORD_CHANGED: _n("the database holds something else than the bundle"),
    Fault.RECORD_MISSING: _n("the database no longer holds what the bundle does"),
}


def broken(error: BundleBroken, reader: Translator) -> str:
    """Where and what, as in `seal.zip: extract/answers.csv, row 12, A1: it was changed after the seal. Found: 5.`"""
    row = "" if error.row is None else reader.gettext("row %(row)s") % {"row": error.row}
    place = ", ".join(part for part in (error.file, row, error.field) if part)
    said = ": ".join(part for part in (error.bundle, place, reader.gettext(FAULTS[error.fault])) if part)
    return " ".join([f"{said}.", *_values(error, reader)])


def _values(error: BundleBroken, reader: Translator) -> list[str]:
    expected = reader.gettext("Sealed: %(value)s.") % {"value": error.expected} if error.expected else ""
    found = reader.gettext("Found: %(value)s.") % {"value": error.found} if error.found else ""
    return [one for one in (expected, found) if one]
