"""Every refusal as sentences in the reader's language; the errors themselves carry data only."""

from __future__ import annotations

from survey import errors
from survey.errors import SurveyError
from survey.faults import SENTENCES, Fault, FaultyFile
from survey.i18n import Translator
from survey.i18n import mark as _n

REFUSALS: dict[type[SurveyError], str] = {
    errors.UnknownInstrument: _n('There is no questionnaire "%(code)s".'),
    errors.UnknownScheme: _n('There is no scoring scheme "%(code)s".'),
    errors.MissingTree: _n('The installation is not complete: the folder "%(tree)s" is missing.'),
    errors.DatabaseUnavailable: _n("The database cannot be used now; nothing was stored. (%(reason)s)"),
    errors.DatabaseNotReady: _n(
        'The database has the tables of version "%(found)s", this program needs "%(wanted)s". '
        "Run: hailong db upgrade"
    ),
    errors.KeyMissing: _n('The key "%(name)s" is not in the key folder.'),
    errors.SealBroken: _n("A sealed value was changed, or belongs to another key."),
    errors.SignInRefused: _n("The e-mail address or the password is not right."),
    errors.AccountExists: _n("There is an account for %(email)s already."),
    errors.UnitUnknown: _n('There is no unit "%(unit)s".'),
    errors.WaveUnknown: _n('There is no wave "%(wave)s".'),
    errors.WaveExists: _n('There is a wave "%(wave)s" already.'),
    errors.WrongState: _n('The wave "%(wave)s" is %(state)s; this needs it to be %(needed)s.'),
    errors.SampleInstrument: _n(
        'The wave "%(wave)s" is a real one and cannot open with the sample questionnaire "%(code)s". '
        "Replace it with the province's own form, or make the wave a rehearsal."
    ),
    errors.FrameEmpty: _n('The wave "%(wave)s" has no dossiers to draw from. Import the dossier list first.'),
    errors.AlreadyDrawn: _n('The sample of wave "%(wave)s" was drawn before, with seed %(seed)s. It is drawn only once.'),
    errors.GroupTooSmall: _n(
        'In the group "%(group)s" only %(raters)s people may judge the same units. '
        "At least 10 are needed, or their answers could be told apart."
    ),
    errors.LinkClosed: _n("This link is no longer in use."),
    errors.CellFull: _n("All places are taken."),
    errors.KeyReused: _n("This was sent before with other content."),
    errors.NotScored: _n('The wave "%(wave)s" has no scores yet. Run: hailong score %(wave)s'),
    errors.DemoDiffers: _n(
        "There is a demonstration of another size or seed in %(database)s. Name another database with --database."
    ),
    errors.AuditBroken: _n("The audit log was changed: entry %(number)s does not fit."),
}
WORDS = {
    "draft": _n("in preparation"),
    "open": _n("open"),
    "closed": _n("closed"),
    "not drawn": _n("not drawn"),
    "drawn": _n("drawn"),
    "unknown_unit": _n("the unit is not in this wave"),
    "unknown_code": _n("no figure of this code is typed in for this unit"),
    "out_of_range": _n("the figure is out of range"),
    "no_source": _n("the source of the figure is missing"),
}


def sentences(error: SurveyError, reader: Translator) -> list[str]:
    """What a person is told: a sentence, or one for each fault of a file."""
    if isinstance(error, FaultyFile):
        return [fault_sentence(fault, reader) for fault in error.faults]
    if isinstance(error, errors.InputRefused):
        return [f"{error.unit} {error.code}: {word(error.reason, reader)}"]
    message = REFUSALS.get(type(error))
    if message is None:
        return [str(error)]
    data = {name: word(str(value), reader) for name, value in vars(error).items()}
    return [reader.gettext(message) % data]


def fault_sentence(fault: Fault, reader: Translator) -> str:
    """Where and what, as in `wave.toml: closes: out of range: …`."""
    where = ".".join(part for part in (fault.place, fault.key) if part)
    said = reader.gettext(SENTENCES[fault.reason_code]).format(fault.detail)
    return ": ".join(part for part in (fault.file, where, said) if part)


def word(code: str, reader: Translator) -> str:
    """A state or reason in the reader's words; anything else as it is."""
    return reader.gettext(WORDS[code]) if code in WORDS else code
