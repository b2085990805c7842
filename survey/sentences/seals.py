"""What is said of seals: what was changed in a bundle, why a step to a release or a seal was refused."""

from __future__ import annotations

from survey.custody.broken import BundleBroken, Fault
from survey.errors import seals as seal_errors
from survey.errors.common import SurveyError
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
    Fault.RECORD_ADDED: _n("the database holds a row more than was sealed"),
}

REFUSALS: dict[type[SurveyError], str] = {
    seal_errors.NotScreened: _n(
        'The answers of the wave "%(wave)s" were not screened for suspicious ones yet. '
        "Run: hailong review screen %(wave)s"
    ),
    seal_errors.CasesOpen: _n(
        'The wave "%(wave)s" has %(cases)s groups of suspicious answers that two people must decide about first.'
    ),
    seal_errors.GroupUnknown: _n("The newest screening has no such group. Look at the list again."),
    seal_errors.CaseDecided: _n("Two people decided about this group already; that stands."),
    seal_errors.TaskRuns: _n('This is being computed for the wave "%(wave)s" already.'),
    seal_errors.PasswordWrong: _n("The password does not fit this account. Whoever signs gives the own password."),
    seal_errors.RunUnknown: _n(
        'The wave "%(wave)s" has no run "%(run)s", or several begin so. See: hailong results runs'
    ),
    seal_errors.NotReleased: _n(
        'Nothing of the wave "%(wave)s" was let out in the step before this one. Two agencies sign first.'
    ),
    seal_errors.NothingProposed: _n('No release of the wave "%(wave)s" waits for a signature.'),
    seal_errors.AlreadySealed: _n(
        'The wave "%(wave)s" is sealed (seal %(number)s). A new seal replaces it only after another release, '
        "and with the reason."
    ),
    seal_errors.NothingToReplace: _n(
        'The wave "%(wave)s" has no seal to replace, or the same release is sealed already. '
        "Let a corrected run out first."
    ),
    seal_errors.WindowOpen: _n('The units of the wave "%(wave)s" may complain until %(until)s.'),
    seal_errors.WindowClosed: _n('Nobody may complain about the wave "%(wave)s" now.'),
    seal_errors.WindowTooShort: _n("The time for complaints must end later than now."),
    seal_errors.ComplaintsOpen: _n('%(complaints)s complaints of the wave "%(wave)s" wait for a decision.'),
    seal_errors.ComplaintUnknown: _n("There is no such complaint."),
    seal_errors.ComplaintSettled: _n("This complaint was answered or decided already, or has no answer yet."),
    seal_errors.TextMissing: _n("Please write a text, at most as long as the form says."),
    seal_errors.NotYours: _n("This step belongs to another office."),
    seal_errors.SealUnknown: _n('The wave "%(wave)s" has no seal %(number)s.'),
}
WORDS = {
    "provisional": _n("provisional"),
    "final": _n("final"),
    "upheld": _n("upheld"),
    "rejected": _n("rejected"),
    "unit": _n("unit"),
    "collector": _n("collector"),
    "batch": _n("batch"),
    "interviewer": _n("interviewer"),
    "confirmed": _n("confirmed"),
    "not_confirmed": _n("not confirmed"),
    "undecided": _n("not decided yet"),
    "copies": _n("near copies"),
    "straight": _n("one value throughout"),
    "long_run": _n("long runs of one value"),
    "made_up": _n("patterns that people do not give"),
    "top_codes": _n("more of the highest values than opinions explain"),
    "scattered": _n("answers without any pattern"),
    "alike": _n("answers too alike"),
    "too_complete": _n("hardly a question left out"),
    "out_of_hours": _n("outside office hours"),
    "burst": _n("many forms in one hour"),
    "short_gaps": _n("forms close after each other"),
    "fast": _n("filled in too fast"),
    "no_refusals": _n("hardly any refusal"),
    "answers": _n("the answers"),
    "frame": _n("the sample or its totals"),
    "flags": _n("decisions about suspicious answers"),
    "inputs": _n("typed-in figures"),
    "scheme": _n("the scoring scheme"),
    "instrument": _n("the questionnaire"),
    "previous": _n("last year's results"),
    "code": _n("the version of the program"),
    "others": _n("other units of its level"),
    "unknown": _n("not known"),
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
