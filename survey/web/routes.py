"""Who may open which route: the one table. A route that is not in it keeps the site from starting."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from survey.errors.common import RouteUnlisted
from survey.stages.staff import Role


class Everybody(Enum):
    """A route without sign-in."""

    PUBLIC = "public"
    KEYED = "keyed"  # a program's key is what lets in, by its scopes (`web/api/door.py`)


Who = frozenset[Role] | Everybody
PUBLIC, KEYED = Everybody.PUBLIC, Everybody.KEYED
SIGNED_IN = frozenset(Role)
BOARD = frozenset({Role.SURVEY_OFFICE, Role.LEAD_AGENCY})
PLANNING = frozenset({Role.SURVEY_OFFICE, Role.LEAD_AGENCY, Role.OVERSIGHT})
LISTS = frozenset({Role.DATA_OFFICE, Role.SURVEY_OFFICE})
SENDING = frozenset({Role.DATA_OFFICE})
PREPARING = PLANNING | {Role.DATA_OFFICE}
CALLING = frozenset({Role.OVERSIGHT})
FIELD = frozenset({Role.INTERVIEWER})
SCORES = frozenset({Role.SURVEY_OFFICE, Role.LEAD_AGENCY, Role.OVERSIGHT})
PAPER = frozenset({Role.SURVEY_OFFICE, Role.INTERVIEWER})
SCHEMES = frozenset({Role.SURVEY_OFFICE, Role.LEAD_AGENCY, Role.OVERSIGHT})
CHANGING_SCHEMES = frozenset({Role.LEAD_AGENCY})
SETTLING = frozenset({Role.SURVEY_OFFICE})
FEEDBACK = frozenset({Role.SURVEY_OFFICE, Role.LEAD_AGENCY, Role.OVERSIGHT, Role.RATED_UNIT})
RELEASING = frozenset({Role.SURVEY_OFFICE})
ACCOUNTS = frozenset({Role.ADMIN})
LOG = frozenset({Role.OVERSIGHT})
SEEING_ACCOUNTS = frozenset({Role.ADMIN, Role.OVERSIGHT})
WAY_OUT = frozenset({Role.SURVEY_OFFICE, Role.LEAD_AGENCY, Role.OVERSIGHT})
COMPUTING = frozenset({Role.SURVEY_OFFICE, Role.LEAD_AGENCY})
SIGNING = frozenset({Role.LEAD_AGENCY, Role.OVERSIGHT})
REVIEWING = frozenset({Role.SURVEY_OFFICE, Role.OVERSIGHT})
COMPLAINING = frozenset({Role.RATED_UNIT, Role.LEAD_AGENCY})
TYPING_IN = frozenset({Role.LEAD_AGENCY})

ROUTES: dict[str, Who] = {
    "static": PUBLIC,
    "chrome.home": PUBLIC,
    "chrome.choose_language": PUBLIC,
    "chrome.robots": PUBLIC,
    "health.alive": PUBLIC,
    "health.ready": PUBLIC,
    "listen.voice": PUBLIC,
    # respondents: the link or the counter's code is what lets in
    "respond.first": PUBLIC,
    "respond.start": PUBLIC,
    "respond.not_mine": PUBLIC,
    "respond.decline": PUBLIC,
    "respond.page": PUBLIC,
    "respond.answer": PUBLIC,
    "respond.review": PUBLIC,
    "respond.send": PUBLIC,
    "receipt.check": PUBLIC,
    # sealed results, for everybody
    "published.index": PUBLIC,
    "published.table": PUBLIC,
    "published.unit": PUBLIC,
    "published.download": PUBLIC,
    "stop.ask": PUBLIC,
    "stop.stop": PUBLIC,
    # gateways: a signature is what lets in
    "receipts.of_sms": PUBLIC,
    "receipts.of_zalo": PUBLIC,
    # programs of other offices
    "description.openapi": PUBLIC,
    "api.waves": KEYED,
    "api.wave": KEYED,
    "api.units": KEYED,
    "api.progress": KEYED,
    "api.board_numbers": KEYED,
    "metrics.metrics": KEYED,
    "api.scores": KEYED,
    "api.bundles": KEYED,
    "api.bundle": KEYED,
    "api.points": KEYED,
    # staff
    "account.sign_in": PUBLIC,
    "account.second": PUBLIC,  # half a session is what lets in
    "account.sign_out": SIGNED_IN,
    "account.home": SIGNED_IN,
    "links.recover": PUBLIC,
    "links.asked": PUBLIC,
    "links.set_password": PUBLIC,  # the link's token is what lets in
    "links.done": PUBLIC,
    "single.go": PUBLIC,
    "single.back": PUBLIC,
    "security.index": SIGNED_IN,
    "security.password": SIGNED_IN,
    "security.factor": SIGNED_IN,
    "security.begin": SIGNED_IN,
    "security.confirm": SIGNED_IN,
    "security.end": SIGNED_IN,
    "people.index": SEEING_ACCOUNTS,
    "people.invite": ACCOUNTS,
    "people.account": ACCOUNTS,
    "people.link": ACCOUNTS,
    "people.forget_factor": ACCOUNTS,
    "people.end": ACCOUNTS,
    "log.index": LOG,
    "log.verify": LOG,
    "help.index": SIGNED_IN,
    "help.coordinators": SIGNED_IN,
    "help.home_affairs": SIGNED_IN,
    "help.administrators": SIGNED_IN,
    "coordinate.waves": BOARD,
    "coordinate.board": BOARD,
    "coordinate.unit": BOARD,
    "coordinate.numbers": BOARD,
    "prepare.index": PREPARING,
    "copies.page": RELEASING,
    "own_list.index": frozenset({Role.RATED_UNIT}),
    "lists.show": LISTS,
    "lists.send": SENDING,
    "lists.sign": SENDING,
    "plans.show": PLANNING,
    "plans.compute": RELEASING,
    "plans.again": RELEASING,
    "plans.agree": PLANNING,
    "replicates.show": BOARD,
    "replicates.act": RELEASING,
    "visitors.show": BOARD,
    "visitors.state": RELEASING,
    "shown.messages": BOARD,
    "preview.instruments": BOARD,
    "preview.instrument": BOARD,
    "preview.of_wave": BOARD,
    "schemes.shelf": SCHEMES,
    "schemes.scheme": SCHEMES,
    "schemes.download": SCHEMES,
    "schemes.change": CHANGING_SCHEMES,
    "schemes.dry_run": CHANGING_SCHEMES,
    "schemes.agree": SCHEMES,
    "results.waves": SCORES,
    "index.table": SCORES,
    "index.unit": SCORES,
    "report.province": SCORES,
    "report.unit": SCORES,
    "results.league": SCORES,
    "results.compute": COMPUTING,
    "results.unit": SCORES,
    "results.download": SCORES,
    "interviews.mine": FIELD,
    "interviews.form": FIELD,
    "interviews.attempt": FIELD,
    "interviews.answer": FIELD,
    "interviews.worker": FIELD,
    "recontact.people": CALLING,
    "recontact.record": CALLING,
    "topups.mine": FIELD,
    "topups.place": FIELD,
    "topups.form": FIELD,
    "interviewers.index": SETTLING,
    "interviewers.lists": SETTLING,
    "results.beside": SCORES,
    "papers.index": PAPER,
    "papers.sheet": PAPER,
    "papers.differences": SETTLING,
    "feedback.index": FEEDBACK,
    "feedback.province": RELEASING,
    "feedback.unit": RELEASING,
    "release.page": WAY_OUT,
    "release.compare": WAY_OUT,
    "release.bundle": WAY_OUT,
    "release.ask": COMPUTING,
    "release.propose": SIGNING,
    "release.sign": SIGNING,
    "review.index": REVIEWING,
    "review.queue": REVIEWING,
    "review.case": REVIEWING,
    "complaints.index": COMPLAINING,
    "complaints.page": COMPLAINING,
    "complaints.file": frozenset({Role.RATED_UNIT}),
    "complaints.settle": frozenset({Role.LEAD_AGENCY}),
    "inputs.units": TYPING_IN,
    "inputs.figures": TYPING_IN,
    "outside.page": TYPING_IN,
    "outside.enter": TYPING_IN,
    "outside.send": TYPING_IN,
    "index_seals.page": WAY_OUT,
    "index_seals.agree": WAY_OUT,
    "index_seals.seal": frozenset({Role.LEAD_AGENCY}),
    "index_seals.bundle": WAY_OUT,
}


def check_listed(endpoints: Iterable[str]) -> None:
    """Refuse to start with a route that nobody decided on."""
    for endpoint in endpoints:
        if endpoint not in ROUTES:
            raise RouteUnlisted(endpoint=endpoint)


def may_open(endpoint: str, roles: frozenset[Role] | None) -> bool:
    """Say whether holders of these roles (None: nobody signed in) may open the route."""
    who = ROUTES.get(endpoint, frozenset())
    if isinstance(who, Everybody):
        return True
    return roles is not None and bool(who & roles)
