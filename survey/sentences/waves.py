"""The refusals of waves and of their releases, as sentences."""

from __future__ import annotations

from survey.errors import waves as wave_errors
from survey.errors.common import SurveyError
from survey.i18n import mark as _n

WAVES: dict[type[SurveyError], str] = {
    wave_errors.ReleaseNotBegun: _n(
        'Nobody is invited in the wave "%(wave)s" yet: send out the first replicate, then ask for advice.'
    ),
    wave_errors.ReleaseBegun: _n('Links of the wave "%(wave)s" are out already: ask for advice on the next ones.'),
    wave_errors.ReleaseOvertaken: _n(
        "This advice is no longer the newest: somebody released it, or asked for another. Nothing was changed."
    ),
    wave_errors.NobodyLeft: _n('Everybody drawn for the wave "%(wave)s" is invited: nobody is left in reserve.'),
    wave_errors.UnitNotProvince: _n('The unit "%(unit)s" is not a province.'),
    wave_errors.NothingRated: _n(
        'The wave "%(wave)s" has no unit to ask about: its schemes rate no unit of the province in this period. Check '
        "scheme, and the units' type and rated."
    ),
    wave_errors.TargetMissing: _n(
        'The wave "%(wave)s" wants no answers from: %(units)s. Write under targets how many are wanted of each unit, '
        "as in default = 30."
    ),
    wave_errors.DocumentEmpty: _n(
        'A decision has number, date and signer. What was given for the wave "%(wave)s" is empty.'
    ),
    wave_errors.DocumentMissing: _n(
        'The wave "%(wave)s" is a real one: this step needs its decision. Add: --document "number, date, signer"'
    ),
    wave_errors.PauseTooShort: _n(
        'A pause of the wave "%(wave)s" must end after now and before the wave closes (%(closes)s).'
    ),
    wave_errors.WavePaused: _n('The wave "%(wave)s" is paused until %(until)s.'),
    wave_errors.TooLate: _n(
        'The wave "%(wave)s" was to close at %(closes)s, which is past. Extend it first, then open it: '
        "hailong wave extend %(wave)s --closes TIME --document DOCUMENT"
    ),
    wave_errors.TooEarly: _n(
        'The wave "%(wave)s" can only be extended: the new end must lie after now and after %(closes)s.'
    ),
    wave_errors.FrameUnsigned: _n(
        'Nobody has signed the coverage note of the wave "%(wave)s", or its lists changed since. Look, then sign: '
        "hailong frame coverage %(wave)s; hailong frame sign %(wave)s --by NAME"
    ),
    wave_errors.PlanRefused: _n('The sample of the wave "%(wave)s" cannot be planned so: %(reason)s'),
    wave_errors.NoRateKnown: _n(
        'No wave before "%(wave)s" tells how many of the invited answer: enter the response rate.'
    ),
    wave_errors.NoValueKnown: _n(
        'No wave before "%(wave)s" has let out its figures: enter the share of satisfied answers that is expected.'
    ),
    wave_errors.TotalOutOfReach: _n(
        'The units of the wave "%(wave)s" can hold %(least)s to %(most)s answers at this response rate: enter a total '
        "between them."
    ),
    wave_errors.PlanMissing: _n('The wave "%(wave)s" has no sample plan yet: compute one first.'),
    wave_errors.PlanOutdated: _n(
        'The lists of the wave "%(wave)s" have changed since version %(version)s of its sample plan: compute it again.'
    ),
    wave_errors.PlanDecides: _n(
        'How many are invited in the wave "%(wave)s" was agreed to with its sample plan: leave the response rate out.'
    ),
    wave_errors.NothingToCopy: _n('No unit of the wave "%(wave)s" is rated any more in the period of its copy.'),
    wave_errors.CodeRefused: _n(
        '"%(code)s" cannot be the code of a wave: letters, digits, ".", "_" and "-", at most 40.'
    ),
    wave_errors.ListMissing: _n("Choose the file of the dossier list first."),
    wave_errors.ListGone: _n('This list of the wave "%(wave)s" is gone: another was sent after it. Send it again.'),
    wave_errors.SignerMissing: _n('The coverage note of the wave "%(wave)s" is signed by a person with a name.'),
}
