"""What is said of the field work: why a list, a top-up or a check call was refused."""

from __future__ import annotations

from survey.errors import field as field_errors
from survey.errors.common import SurveyError
from survey.i18n import mark as _n

REFUSALS: dict[type[SurveyError], str] = {
    field_errors.NoInterviewer: _n(
        'There is no active account of an interviewer "%(email)s". Run: hailong staff create --role interviewer'
    ),
    field_errors.NobodyToAssign: _n(
        'In the wave "%(wave)s" everybody invited who has a phone or an address is on a list already.'
    ),
    field_errors.CaseUnknown: _n("This person is not on your list, or the wave is closed."),
    field_errors.CaseEnded: _n("There is nothing more to record for this person."),
    field_errors.NotIndependent: _n(
        'Whoever asks at a counter may belong to no rated unit; %(email)s belongs to "%(unit)s".'
    ),
    field_errors.TopUpUnknown: _n("You do not ask at this counter, or the wave is closed."),
    field_errors.NobodyChosen: _n("No chosen visitor is waiting: count the visitors first."),
    field_errors.CountTooSmall: _n(
        "At this counter %(counted)s visitors were counted already: no fewer can have come."
    ),
    field_errors.RecontactDrawn: _n('The calls of the wave "%(wave)s" were drawn before, with the seed %(seed)s.'),
    field_errors.WhenMissing: _n("Write when to call back."),
}
