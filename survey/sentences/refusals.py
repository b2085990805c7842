"""Every refusal as sentences in the reader's language; the errors themselves carry data only."""

from __future__ import annotations

from survey.cells import Flaw, RowFault, RowsRefused
from survey.channels import refusals
from survey.custody import refusals as custody
from survey.custody.broken import BundleBroken
from survey.errors import api, index, schemes, staff
from survey.errors import common as errors
from survey.errors.common import SurveyError
from survey.errors.files import Refusal
from survey.faults import SENTENCES, Fault, FaultyFile
from survey.i18n import Translator
from survey.i18n import mark as _n
from survey.sentences import seals
from survey.sentences.field import REFUSALS as FIELD
from survey.sentences.waves import WAVES

REFUSALS: dict[type[SurveyError], str] = {
    errors.UnknownInstrument: _n('There is no questionnaire "%(code)s".'),
    errors.UnknownScheme: _n('There is no scoring scheme "%(code)s".'),
    errors.MissingTree: _n('The installation is not complete: the folder "%(tree)s" is missing.'),
    errors.DatabaseUnavailable: _n("The database cannot be used now; nothing was stored. (%(reason)s)"),
    errors.DatabaseNotReady: _n(
        'The database has the tables of version "%(found)s", this program needs "%(wanted)s". Run: hailong db upgrade'
    ),
    errors.DatabaseMissing: _n("There is no database at %(place)s. Run: hailong db upgrade"),
    errors.StoredMeanwhile: _n(
        "Somebody else stored the same at this moment; nothing was changed. Look again before you repeat it. "
        "(%(constraint)s)"
    ),
    errors.ValueForbidden: _n("This value cannot be stored. (%(constraint)s)"),
    errors.ReferenceMissing: _n("What this refers to is not there, or something still refers to it. (%(constraint)s)"),
    errors.KeyMissing: _n('The key "%(name)s" is not in the key folder.'),
    errors.SealBroken: _n("A sealed value was changed, or belongs to another key."),
    errors.AccountExists: _n("There is an account for %(email)s already."),
    api.ApiKeyUnknown: _n('There is no key "%(key)s"; hailong api-keys list shows them.'),
    schemes.SchemeShipped: _n('"%(code)s" is the code of a shipped scheme: give the province\'s own another code.'),
    schemes.VersionTaken: _n(
        'Another text was kept as version "%(version)s" of "%(code)s": give this one the next version.'
    ),
    schemes.SchemeServesNone: _n('The wave "%(wave)s" rates no unit of the level that "%(code)s" ranks.'),
    errors.UnitUnknown: _n('There is no unit "%(unit)s".'),
    errors.WaveUnknown: _n('There is no wave "%(wave)s".'),
    errors.WaveExists: _n('There is a wave "%(wave)s" already.'),
    errors.WrongState: _n('The wave "%(wave)s" is %(state)s; this needs it to be %(needed)s.'),
    errors.SampleInstrument: _n(
        'The wave "%(wave)s" is a real one and cannot open with the sample questionnaire "%(code)s". '
        "Replace it with the province's own form, or make the wave a rehearsal."
    ),
    errors.SampleScheme: _n(
        'The wave "%(wave)s" is a real one and cannot be scored by the sample scheme "%(code)s". Copy the scheme '
        'beside the wave file, enter the decision and its points, set status = "official"; or make the wave a '
        "rehearsal."
    ),
    errors.NobodyInvited: _n(
        'Nobody could answer the wave "%(wave)s" yet. Draw the sample or load the officials, then run: '
        "hailong invitations issue %(wave)s"
    ),
    errors.ModeNotPlanned: _n(
        'The wave "%(wave)s" was not planned to be answered this way (%(mode)s): see modes in its file.'
    ),
    errors.UnitNotRated: _n('The unit "%(unit)s" is not rated, or no scheme of the wave rates units of its type.'),
    errors.UnitNotInWave: _n('The unit "%(unit)s" is not among the units of the wave "%(wave)s".'),
    staff.ApprovalsMissing: _n('"%(subject)s" is not approved yet: %(missing)s.'),
    staff.ApprovalGiven: _n('%(agency)s approved "%(subject)s" already.'),
    staff.ApprovalWithoutDocument: _n('Name the document that approves "%(subject)s": number, date, signer.'),
    staff.AgencyUnclear: _n(
        '"%(agency)s" may be the same agency as "%(other)s". Ask the administrator to write the agency in full in '
        "its accounts, the same everywhere, or to choose its unit; then agree again."
    ),
    staff.NotAnApprover: _n("No account of %(email)s may approve."),
    staff.AddressRefused: _n('"%(email)s" is not an e-mail address.'),
    staff.PhoneRefused: _n("This is not a telephone number, such as 0912 345 678."),
    staff.RolesApart: _n(
        "One person cannot hold these roles together (%(roles)s). Choose at least one; administrator, data office and "
        "oversight each stand alone, and an interviewer belongs to no rated unit."
    ),
    staff.UnitNeeded: _n("Choose the unit that this account speaks for."),
    staff.OwnAccount: _n("Nobody changes the rights of the own account. Ask another administrator."),
    staff.AccountUnknown: _n("There is no such account."),
    staff.LinkOver: _n("This link was used, replaced by a newer one, or is too old."),
    staff.PasswordRefused: _n("This password can be guessed. (%(reason)s)"),
    staff.CodeWrong: _n("The code does not fit, or was used already."),
    staff.FactorMissing: _n("Set up the second step of the sign-in first (My account); then sign."),
    staff.SignOnRefused: _n("The province's single sign-on refused. (%(what)s)"),
    staff.ApprovedOtherwise: _n('"%(subject)s" was changed after you opened the page. Read it again.'),
    errors.WrongAudience: _n('The wave "%(wave)s" asks %(audience)s; this needs a wave that asks %(needed)s.'),
    errors.FrameEmpty: _n('The wave "%(wave)s" has no dossiers to draw from. Import the dossier list first.'),
    errors.AlreadyDrawn: _n(
        'The sample of wave "%(wave)s" was drawn before, with seed %(seed)s. It is drawn only once.'
    ),
    errors.GroupTooSmall: _n(
        'In the group "%(group)s" only %(raters)s people may judge the same units. '
        "At least 10 are needed, or their answers could be told apart."
    ),
    errors.TooFewToRelease: _n(
        "Only %(released)s comments would be released. They are released at least %(floor)s together, or none of them."
    ),
    errors.LinkClosed: _n("This link is no longer in use."),
    errors.CellFull: _n("All places are taken."),
    errors.KeyReused: _n("This was sent before with other content."),
    errors.ScoresOutdated: _n(
        'Figures of the wave "%(wave)s", or the program, changed since the last computation. '
        "Run: hailong score %(wave)s"
    ),
    index.SchemeNotOfYear: _n('The scheme "%(scheme)s" serves the years %(years)s, not %(year)s.'),
    index.SchemeChanged: _n(
        'The index of "%(scheme)s" in %(year)s was begun with another text of this scheme. Give the changed scheme a '
        "code of its own."
    ),
    index.SchemeNotInWave: _n(
        'The wave "%(wave)s" was not scored by the scheme "%(scheme)s" as the index has it. Name the scheme in the '
        "wave file, or leave the wave out."
    ),
    index.WaveOfOtherYear: _n(
        'The wave "%(wave)s" is of %(year)s and does not count for %(needed)s. Name the wave of that year.'
    ),
    index.IndexUnknown: _n(
        'There is no index of "%(scheme)s" in %(year)s. Run: hailong index import FILE --scheme %(scheme)s '
        "--year %(year)s"
    ),
    index.IndexNotScored: _n(
        'The index of "%(scheme)s" in %(year)s is not computed yet. Run: hailong index score --scheme %(scheme)s '
        "--year %(year)s"
    ),
    index.IndexOutdated: _n(
        'The points of the index "%(scheme)s" in %(year)s, its waves or last year\'s index were changed since it was '
        "computed. Run: hailong index score --scheme %(scheme)s --year %(year)s"
    ),
    index.IndexSealed: _n(
        'The index of "%(scheme)s" in %(year)s is sealed (seal %(number)s). Compute it again, let two agencies agree, '
        "and give the reason of the new seal."
    ),
    index.IndexNotSealed: _n('The index of "%(scheme)s" in %(year)s has no such seal.'),
    index.IndexRefused: _n('The index of "%(scheme)s" in %(year)s cannot be computed: %(reason)s'),
    errors.NotScored: _n('The wave "%(wave)s" has no scores yet. Run: hailong score %(wave)s'),
    errors.ScoringRefused: _n('The wave "%(wave)s" cannot be scored: %(reason)s'),
    errors.AnswersWaiting: _n(
        'The close of wave "%(wave)s" was cut off: %(answers)s answers still wait. Run: hailong wave close %(wave)s'
    ),
    errors.NotAskable: _n('The questionnaire "%(code)s" has items that cannot be asked yet: %(items)s'),
    errors.DemoDiffers: _n(
        "There is a demonstration of another size or seed in %(database)s. Name another database with --database."
    ),
    **FIELD,
    errors.SheetUnknown: _n('There is no sheet "%(number)s" to type in. Check the digits.'),
    errors.SameTypist: _n("The second entry must be made by another person."),
    errors.SheetMoved: _n("Somebody else has worked on this sheet meanwhile."),
    errors.ExtraMissing: _n('Printing needs a part that is not installed. Run: pip install "hailong[%(extra)s]"'),
    errors.NoLot: _n(
        'In the group "%(group)s" no 10 people of one agency may judge the same units, so their links cannot be drawn '
        "by lot. Send them by message."
    ),
    refusals.ChannelsMissing: _n(
        "Nothing says how messages are sent: there is no file %(file)s. The guide for coordinators shows one."
    ),
    refusals.StepUnknown: _n('The texts have no step "%(step)s". They have: %(steps)s'),
    refusals.StepNotPlanned: _n(
        'No messages of this step wait in the wave "%(wave)s". Run: hailong messages plan %(wave)s --step %(step)s'
    ),
    refusals.BudgetExceeded: _n(
        'The wave "%(wave)s" has VND %(left)s left for messages, and VND %(cost)s are needed. Nothing more was sent.'
    ),
    refusals.NotForTrial: _n(
        'The wave "%(wave)s" is a real one and is not sent through the gateways of a rehearsal: see "trial" in '
        "channels.toml."
    ),
    errors.AuditBroken: _n(
        "The audit log was changed: entry %(number)s does not fit (%(what)s). Expected: %(expected)s. Found: %(found)s."
    ),
    custody.CarriedFileRefused: _n('The file "%(file)s" was not taken, nothing was touched: %(damage)s. %(part)s'),
    custody.FileThere: _n('There is a file "%(file)s" already; it is not written over.'),
    custody.PassphraseWrong: _n('The file "%(file)s" is sealed with another passphrase.'),
    custody.PassphraseMissing: _n(
        "A passphrase is needed: name a file with --passphrase-file, or run the command at a terminal."
    ),
    custody.PassphraseShort: _n("A passphrase has at least %(shortest)s characters."),
    custody.DatabaseNotEmpty: _n(
        "The database %(place)s is not empty; nothing was touched. With --replace it is kept aside."
    ),
    custody.DatabaseInUse: _n("Somebody has the database %(place)s open. Stop hailong serve and hailong work first."),
    custody.ToolMissing: _n(
        'The program "%(name)s" is not installed here. It comes with the client programs of PostgreSQL.'
    ),
    custody.ToolFailed: _n('The program "%(name)s" refused: %(said)s'),
    custody.KeyDiffers: _n('The key folder holds another key "%(name)s". No key was written.'),
    errors.SpeechMissing: _n(
        '"%(name)s" is not installed here. It is needed only to make voices by a program: '
        "install espeak-ng and the extra hailong[voices]."
    ),
    errors.VoicesRecorded: _n("People spoke in %(folder)s. A program adds nothing there; name another folder."),
    **WAVES,
}
WORDS = {
    "draft": _n("in preparation"),
    "planned": _n("planned"),
    "open": _n("open"),
    "paused": _n("paused"),
    "closed": _n("closed"),
    "sealed": _n("sealed"),
    "purged": _n("data deleted"),
    "not drawn": _n("not drawn"),
    "drawn": _n("drawn"),
    "invited": _n("invited"),
    "not invited": _n("not invited yet"),
    "citizens": _n("citizens"),
    "officials": _n("officials"),
    "unknown_unit": _n("the unit is not in this wave"),
    "unknown_code": _n("no figure of this code is typed in for this unit"),
    "out_of_range": _n("the figure is out of range"),
    "no_source": _n("the source of the figure is missing"),
    "entry_missing": _n("it is missing"),
    "entry_moved": _n("it names another entry as the one before"),
    "entry_changed": _n("its content is not what its hash says"),
    "entry_cut_off": _n("the log ends before it, and a signed head names it"),
    "entry_rewritten": _n("a signed head names another hash"),
    "not_ours": _n("it is not a file of this kind"),
    "not_whole": _n("its end is missing"),
    "changed": _n("it was changed after it was written"),
    "foreign": _n("it was signed by another installation; this key folder is not the one that belongs to it"),
    "too_new": _n("it holds the tables of a later version of this program"),
    "both_approvals": _n("two people of two agencies must approve it, one agency not being rated itself"),
    "second_agency": _n("a person of another agency must approve it too"),
    "unrated_agency": _n("a person of an agency that is not rated itself must approve it too"),
    "other_engine": _n("it holds a database of another engine"),
}
REFUSALS |= seals.REFUSALS
WORDS |= seals.WORDS


def sentences(error: SurveyError, reader: Translator) -> list[str]:
    """What a person is told: a sentence, or one for each fault of a file."""
    if isinstance(error, FaultyFile):
        return [fault_sentence(fault, reader) for fault in error.faults]
    if isinstance(error, RowsRefused):
        before = f"{error.file}: " if error.file else ""
        return [before + row_sentence(fault, reader) for fault in error.faults]
    if isinstance(error, BundleBroken):
        return [seals.broken(error, reader)]
    if isinstance(error, errors.FileRefused):
        return [file_sentence(error, reader)]
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


FLAWS: dict[Flaw, str] = {
    Flaw.CELLS_MISSING: _n("cells are missing in this row"),
    Flaw.CELLS_EXTRA: _n("this row has more cells than the header"),
    Flaw.CONTROL_CHARACTER: _n("there is an invisible control character in the cell"),
    Flaw.TOO_LONG: _n("the cell is too long"),
    Flaw.MISSING: _n("the cell is empty"),
    Flaw.BAD_CODE: _n("this is not a code: letters, digits, '.', '_' and '-', at most 40"),
    Flaw.BAD_TEXT: _n("the text has characters that are not allowed"),
    Flaw.SCIENTIFIC_NUMBER: _n("the spreadsheet shortened a long number (as in 1.23E+11); format the column as text"),
    Flaw.NOT_ONE_OF: _n("this word is not one of those allowed in the column"),
    Flaw.BAD_DATE: _n("this is not a date (day/month/year)"),
    Flaw.BAD_YEAR: _n("this year cannot be meant here"),
    Flaw.BEFORE_START: _n("the end lies before the beginning"),
    Flaw.OUTSIDE_PERIOD: _n("the dossier was not finished in the period of the wave"),
    Flaw.UNKNOWN_UNIT: _n("there is no such unit"),
    Flaw.UNKNOWN_COMMUNE: _n("there is no such commune"),
    Flaw.AMBIGUOUS_UNIT: _n("more than one unit has this name"),
    Flaw.NOT_RATED: _n("this unit is not rated"),
    Flaw.NOT_IN_WAVE: _n("this unit is not in the wave"),
    Flaw.NOT_ALLOWED: _n("this is not allowed here"),
    Flaw.PARENT_CYCLE: _n("the unit lies, by its parents, inside itself"),
    Flaw.CHANGED: _n("says something else than an earlier list; the dossier stays as it was"),
    Flaw.DUPLICATE: _n("this row stands there twice"),
    Flaw.BAD_PHONE: _n("this is not a Vietnamese phone number"),
    Flaw.BAD_EMAIL: _n("this is not an e-mail address"),
    Flaw.BAD_LIST: _n("this is not a list of unit codes"),
    Flaw.NOTHING_TO_RATE: _n("this person has no unit to judge"),
    Flaw.NOT_A_NUMBER: _n("this is not a number; write 1234.5 or 1234,5"),
    Flaw.MIXED_SIGNS: _n(
        "another decimal sign than in the rows before; write all numbers with a point, or all with a comma"
    ),
    Flaw.THOUSANDS: _n("the sign may part thousands or decimals; write 1234 or 1.2340"),
    Flaw.CODE_AS_NUMBER: _n(
        "the code is stored as a number, where 1.1 and 1.10 are the same; format the column as text"
    ),
    Flaw.UNKNOWN_CODE: _n("this scheme has no such code; take the codes from its import table"),
    Flaw.OTHER_SCHEME: _n("this code belongs to the scheme {}; import the file with that scheme"),
    Flaw.OTHER_YEAR: _n("this row is of the year {}; import it with that year"),
    Flaw.OTHER_MAX: _n("the maximum of this code is {} here; the file is of another scheme or year"),
    Flaw.TOO_MANY_POINTS: _n("points go from 0 to {}; check the code and the decimal sign"),
    Flaw.WRONG_SUM: _n("the parts do not add up to this ({}); correct a part, or leave out the row of the sum"),
    Flaw.OTHER_LEVEL: _n("units of this kind are not rated by the scheme"),
}
WHOLE_FILE: dict[Refusal, str] = {
    Refusal.EMPTY: _n("the file is empty or has a header alone; nothing was taken"),
    Refusal.UNREADABLE: _n("the file cannot be read"),
    Refusal.TOO_LARGE: _n("the file is too large"),
    Refusal.OLD_EXCEL: _n("this is an old Excel file (.xls); save it as .xlsx or CSV"),
    Refusal.BINARY: _n("this is neither a CSV nor an XLSX file"),
    Refusal.NOT_UTF8: _n('the text is not UTF-8 (line {}); in Excel save it as "CSV UTF-8"'),
    Refusal.NOT_ENCODED: _n("the text is not in the encoding that the mapping names (line {})"),
    Refusal.BROKEN_CSV: _n("the CSV is broken at line {}"),
    Refusal.BROKEN_WORKBOOK: _n("the XLSX file is broken or cut off; open it in Excel, save it and take the new file"),
    Refusal.UNSAFE_WORKBOOK: _n("the XLSX file is not safe to open ({})"),
    Refusal.MERGED_CELLS: _n(
        "cells are merged (first at row {}); take the merging away, or describe the list: "
        "frame import --mapping FILE, index import --layout FILE"
    ),
    Refusal.NO_SHEET: _n('the workbook has no visible sheet "{}"'),
    Refusal.COLUMN_UNKNOWN: _n("the header has a column that is not known: {}"),
    Refusal.COLUMN_TWICE: _n("the header has a column twice: {}"),
    Refusal.COLUMN_MISSING: _n("the header lacks: {}"),
}


def row_sentence(fault: RowFault, reader: Translator) -> str:
    """One flaw: row, column, reason."""
    place = reader.gettext("row %(row)s") % {"row": fault.row}
    said = reader.gettext(FLAWS[fault.reason]).format(fault.detail)
    return ", ".join(part for part in (place, fault.column) if part) + f": {said}"


def file_sentence(error: errors.FileRefused, reader: Translator) -> str:
    known = {refusal.value: text for refusal, text in WHOLE_FILE.items()}
    if error.reason not in known:
        return f"{error.reason} {error.detail}".strip()
    said = reader.gettext(known[error.reason]).format(error.detail)
    return f"{error.file}: {said}" if error.file else said
