"""The words by which staff pages call codes of the data: states, statuses, reasons, rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from survey import i18n
from survey.datafile import Words
from survey.groups import PointGroup
from survey.i18n import mark as _n
from survey.instrument import Audience, Instrument
from survey.model.outside import OutsideFigure
from survey.model.unit import Unit
from survey.rule import Bands, Linear, LinearCap
from survey.scheme import Area, Component, Rounding, Scheme
from survey.sentences import refusals as codes
from survey.stages import results, reviews
from survey.stages.breaks import Break
from survey.web.site import data_language, language, translations
from survey.web.site import gettext as _

STATES = {
    "draft": _n("in preparation"),
    "planned": _n("planned"),
    "open": _n("open"),
    "paused": _n("paused"),
    "closed": _n("closed"),
    "sealed": _n("sealed"),
    "purged": _n("data deleted"),
}
AUDIENCES = {"citizens": _n("people and organisations"), "officials": _n("officials")}
ACTIONS = {
    "account.change": _n("changed the rights of an account"),
    "account.create": _n("made an account"),
    "account.factor": _n("set up the second step"),
    "account.factor_forget": _n("took the second step away"),
    "account.invitation": _n("made an invitation"),
    "account.lock": _n("locked an account after wrong passwords"),
    "account.password": _n("set a password"),
    "account.phone": _n("set or removed the telephone of an account"),
    "account.recovery": _n("made a link to a new password"),
    "account.sign_in": _n("signed in"),
    "account.spare_code": _n("used a spare code"),
    "account.sso": _n("signed on through the province for the first time"),
    "approval.give": _n("approved"),
    "database.backup": _n("made a backup"),
    "database.restore": _n("restored a backup"),
    "frame.upload": _n("sent a dossier list"),
    "frame.sign": _n("signed the coverage note"),
    "sample.plan": _n("kept a sample plan"),
    "frame.import": _n("took in a dossier list"),
    "input.set": _n("entered a figure"),
    "invitations.issue": _n("made the invitations"),
    "messages.plan": _n("planned messages"),
    "officials.import": _n("took in the officials' list"),
    "papers.resolve": _n("settled a paper sheet"),
    "results.download": _n("took a results file away"),
    "contacts.show": _n("was shown names and phones of people to call or visit"),
    "retention.purge": _n("deleted what had its time"),
    "sample.draw": _n("drew the sample"),
    "score.run": _n("computed the scores"),
    "units.import": _n("took in units"),
    "wave.close": _n("closed the wave"),
    "wave.copy": _n("copied the wave"),
    "wave.create": _n("made the wave"),
    "wave.extend": _n("extended the wave"),
    "wave.open": _n("opened the wave"),
}
WEAK = {
    "password_short": _n("At least 12 characters are needed. A short sentence is easy to remember."),
    "password_long": _n("At most 200 characters can be taken."),
    "password_even": _n("Use more different characters."),
    "password_name": _n("The password must not contain your e-mail address."),
}
CELL_STATES = {
    "reached": _n("precise enough"),
    "on_track": _n("on track"),
    "behind": _n("behind"),
    "exhausted": _n("nobody left to invite"),
    "none": _n("no form yet"),
    "waiting": _n("nobody invited"),
    "short": _n("not precise enough"),
    "counted": _n("counted once a day"),
}
MODES = {
    "link": _n("link sent to the person"),
    "paper": _n("paper form"),
    "interviewer": _n("interviewer"),
    "intercept": _n("every so-many-th visitor of a counter"),
    "counter": _n("poster at a counter"),
    "kiosk": _n("kiosk at a counter"),
    "open": _n("link open to everybody"),
}
OUTSIDE = {
    "papi": _n("PAPI (governance and public administration index)"),
    "decision_766": _n("Decision 766/QĐ-TTg (service to people and businesses)"),
    "other": _n("another source"),
}
FRAME_WORDS = {
    "on_time": _n("on time"),
    "late": _n("late"),
    "counter": _n("at the counter"),
    "online": _n("online"),
    "post": _n("by post"),
    "F": _n("women"),
    "M": _n("men"),
}
JOBS = {
    "score": _n("Computation"),
    "screen": _n("Search for suspicious answers"),
    "seal": _n("Seal"),
    "plan": _n("Sample plan"),
    "frame": _n("Dossier list"),
    "index_seal": _n("Seal of the index"),
}
JOB_STEPS = {
    "": _n("begins"),
    "extract": _n("gathers the answers"),
    "computing": _n("computes"),
    "screening": _n("compares the answers"),
    "storing": _n("stores"),
    "files": _n("writes the files"),
    "packing": _n("packs"),
    "sealing": _n("signs"),
    "reading": _n("reads the list"),
}
STATUSES = {
    "ok": _n("published"),
    "not_ranked": _n("not ranked"),
    "suppressed": _n("suppressed (fewer than 10 answers)"),
    "empty": _n("no figure yet"),
    "complete": _n("complete (census)"),
}
HIDDEN_FOR_OTHERS = _n("suppressed, so as not to tell what fewer than 10 people answered")
GAPS = {
    "not_given": _n("no points yet"),
    "other_wave": _n("belongs to another survey wave"),
    "not_surveyed": _n("not surveyed"),
    "no_forms": _n("no forms"),
    "no_answers": _n("no question answered"),
}
WEIGHTINGS = {"design": _n("design weights"), "calibrated": _n("calibrated weights")}
RULES = {
    "top2box": _n("share of satisfied and very satisfied"),
    "mean5": _n("mean of the scale, 20 to 100"),
    "mean4": _n("mean of the scale, 0 to 100"),
}
AGGREGATIONS = {
    "item_mean": _n("The index is the plain mean over the questions."),
    "component_mean": _n("The index is the mean over the groups of questions, each the mean of its factors."),
    "pooled_answers": _n("The index is the share over all answers to all questions together."),
}
LEVELS = {
    "province": _n("Provinces"),
    "department": _n("Departments and agencies of the province"),
    "commune": _n("Communes, wards and special zones"),
}
BREAKS = {
    Break.KIND: _n("one of the two is a rehearsal"),
    Break.AUDIENCE: _n("other people were asked"),
    Break.QUESTIONS: _n("other questions"),
    Break.SCALE: _n("other answers to choose from"),
    Break.RULE: _n("another rule of the index"),
    Break.WEIGHTING: _n("other weights"),
    Break.AGGREGATION: _n("another way to add up the questions"),
}
SCHEME_CHANGES = {
    "added": _n("added"),
    "removed": _n("taken away"),
    "max": _n("maximum"),
    "name": _n("name"),
    "rule": _n("rule"),
    "key": _n("setting"),
}
SOURCES = {
    "survey": _n("survey"),
    "appraisal": _n("appraisal"),
    "socio_economic": _n("socio-economic result"),
}
REASONS = {
    "other_scheme": _n("scored by another scheme than the wave's"),
    "not_surveyed": _n("not surveyed"),
    "no_forms": _n("no forms"),
    "no_answers": _n("no question answered"),
    "not_reached": _n("drawn dossiers without a way to reach the person, not covered: %(values)s"),
    "not_applicable": _n("applies to nobody who answered"),
    "would_tell": _n("not shown: beside other figures it would tell the answers of fewer than 10 people"),
    "holds_suppressed": _n("holds suppressed points: %(values)s"),
    "cells_left_out": _n("the whole province is without questions that too few people answered in %(values)s units"),
    "few_answers": _n("fewer valid answers than %(values)s"),
    "items_left_out": _n("questions left out, too few answers: %(values)s"),
    "all_items_few": _n("every question has too few answers; all are counted"),
    "ranked_on_pooled_answers": _n("ranked on all answers pooled"),
    "strata_joined": _n("strata joined for the error: %(values)s"),
    "classes_joined": _n("classes joined for non-response: %(values)s"),
    "totals_not_met": _n(
        "groups of dossiers whose share the weights may not reach, or one answer would weigh too much: %(values)s"
    ),
    "change_not_clear_among": _n("change not clear when %(values)s units are compared at once"),
    "no_variance": _n("all answers the same: no standard error can be estimated"),
    "partly_answered": _n("everybody answered, not every question: no standard error can be estimated"),
    "complete": _n("everybody answered: no sampling error"),
    "units_without_answers": _n("units without answers: %(values)s"),
    "self_selected_apart": _n("self-selected answers counted apart: %(values)s"),
    "missing": _n("without points yet: %(values)s"),
    "imported": _n("survey points brought in from elsewhere: %(values)s"),
    "groups_without_ratings": _n("rater groups that did not judge: %(values)s"),
    "lone_ratings": _n("groups with one rating alone (its error estimated from the other groups): %(values)s"),
    "groups_without_weight": _n("rater groups that the scheme does not count: %(values)s"),
}
OF_GROUPS = frozenset({"lone_ratings", "groups_without_ratings", "groups_without_weight"})
UNSAID = frozenset(  # said once by the page, by a column or by the status
    {"rehearsal", "typed_in", "internal_estimate", "few_respondents", "ranked_on_items"}
)


def reasons(
    text: str | None, is_part: bool = False, gap: str | None = None, groups: Mapping[str, str] | None = None
) -> list[str]:
    """The sentences of a row's reasons (`word` or `word=value,value`, joined by `; `). A part of a whole always misses
    the other parts; what `gap` says already is not said again; `groups` are the names of the rater groups."""
    told = []
    unsaid = UNSAID | ({"missing"} if is_part else set()) | {gap}
    for part in (text or "").split("; "):
        word, _sign, values = part.partition("=")
        if word in unsaid or not word:
            continue
        named = [groups.get(value, value) if groups and word in OF_GROUPS else value for value in values.split(",")]
        told.append(_(REASONS[word], values=", ".join(named)) if word in REASONS else part)
    return told


def breaks(found: Iterable[Break]) -> list[str]:
    """What was done differently than in the wave before."""
    return [_(BREAKS[one]) for one in found]


def rater_groups(instrument: Instrument) -> dict[str, str]:
    """The names of the rater groups by code."""
    return {one.code: one.name(language()) for one in instrument.rater_groups}


def word(code: str) -> str:
    """A state, signal or cause in the reader's words."""
    return codes.word(code, translations())


def banded(count: int | None) -> str:
    """A number of flagged answers as far as it may be told: in steps of five, few ones not at all."""
    if count is None:
        return _("fewer than 10")
    return "0" if count == 0 else _("%(low)s to %(high)s", low=count, high=count + reviews.STEP - 1)


def status(row: Mapping[str, Any]) -> str:
    """A row's status in words; one that is hidden for the sake of others may rest on many answers itself."""
    sentence = HIDDEN_FOR_OTHERS if results.is_hidden_for_others(row) else STATUSES[row["status"]]
    return _(sentence)


def plain_number(value: Decimal) -> str:
    """A figure as a person would type it, with all its decimals and no others."""
    places = max(0, -int(value.normalize().as_tuple().exponent))
    return i18n.number(value, language(), places)


def printed(value: str | Decimal | None, scheme: Scheme) -> str:
    """A figure with the scheme's decimals, rounded its way (published percentages are cut off); a dash for none."""
    return i18n.ABSENT if value is None else i18n.number(_rounded(value, scheme), language(), scheme.decimals)


def signed(value: str | Decimal, scheme: Scheme) -> str:
    """A change with its sign."""
    found = _rounded(value, scheme)
    return ("+" if found > 0 else "") + i18n.number(found, language(), scheme.decimals)


def _rounded(value: str | Decimal, scheme: Scheme) -> Decimal:
    way = ROUND_HALF_UP if scheme.rounding is Rounding.HALF_UP else ROUND_DOWN
    return Decimal(value).quantize(Decimal(1).scaleb(-scheme.decimals), rounding=way)


def areas_and_groups(scheme: Scheme) -> list[tuple[str, Area | PointGroup]]:
    """The areas, then the blocks that are added up across them, by what their rows are of."""
    areas: list[tuple[str, Area | PointGroup]] = [("area", one) for one in scheme.areas]
    return [*areas, *(("group", one) for one in scheme.groups)]


def index_name(instrument: Instrument) -> str:
    """The index by its right name: of the service questions alone it is not SIPAS (METHOD section 2)."""
    if instrument.audience is Audience.OFFICIALS:
        return _("Officials' assessment")
    if {group.code for group in instrument.groups} == {"SERVICE"}:
        return _("Index of satisfaction with public administrative services")
    return _("Satisfaction index (SIPAS)")


def levels_of_index() -> tuple[tuple[str, str], ...]:
    """The parts of the index from the whole to the single question, with their headings."""
    return (("overall", _("Index")), ("group", _("Groups")), ("factor", _("Factors")), ("item", _("Questions")))


def name_of_index(instrument: Instrument, level_of: str, code: str) -> str:
    """What a row of the index is about, in the questionnaire's words."""
    named: dict[str, Words] = {}
    if level_of == "group":
        named = {one.code: one.name for one in instrument.groups}
    elif level_of == "factor":
        named = {one.code: one.name for one in instrument.factors}
    elif level_of == "item":
        named = {one.code: one.text for one in instrument.items}
    else:
        return index_name(instrument)
    return f"{code}. {named[code](language())}" if code in named else code


def unit_name(row: Mapping[str, Any]) -> str:
    """A unit's name as it stands in a result row."""
    return str(row[f"unit_name_{data_language()}"] or row["unit"])


def outside_name(figure: OutsideFigure) -> str:
    """What a figure of another source is of."""
    return figure.name_en if data_language() == i18n.EN else figure.name_vi


def text_of_unit(unit: Unit) -> str:
    return unit.name_en if data_language() == i18n.EN else unit.name_vi


def other_weighting(official: str) -> str:
    return WEIGHTINGS["calibrated" if official == "design" else "design"]


def rule_hint(component: Component) -> str:
    """How a typed-in figure becomes points, in one line."""
    most = plain_number(component.max)
    match component.rule:
        case Linear(floor, target):
            return _(
                "from %(floor)s (0 points) to %(target)s (%(max)s points)",
                floor=plain_number(floor), target=plain_number(target), max=most,
            )  # fmt: skip
        case LinearCap(target):
            return _("%(target)s or more earns %(max)s points", target=plain_number(target), max=most)
        case Bands(bands):
            steps = [f"≥ {plain_number(band.min)}: {plain_number(band.points)}" for band in bands]
            return _("points by band: %(bands)s", bands="; ".join(steps))
    return _("points from 0 to %(max)s", max=most)
