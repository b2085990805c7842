"""Who may do what: every route, by every method, for everybody (RELIABILITY attack 10; METHOD section 7).

The table in `survey.web.routes` is what the site obeys; the separations below are written down apart from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from survey.db import Database
from survey.errors.common import RouteUnlisted
from survey.errors.staff import UnitNeeded
from survey.model.unit import Unit
from survey.stages import accounts, staff
from survey.stages.staff import Role
from survey.web import routes

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
SignIn = Callable[..., FlaskClient]
Person = tuple[str, frozenset[Role] | None, FlaskClient]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OWN, OTHER = "75-SNV", "75-STP"
VALUES = {
    "wave": ["none"], "unit": [OWN, OTHER, "../75-STP", "75-STP%00"], "door": ["k"], "code": ["0" * 13],
    "scheme": ["local-department-sample"], "year": [2026], "filename": ["site.css"],
}  # fmt: skip
OPENED = {200, 302, 303, 404, 409, 410, 422, 503}
UNSIGNED = {400, 403, 404, 410}  # a POST without the form's token, or a gateway's without its signature, does nothing
NO_SUCH = {400, 404, 405}
SCORES = frozenset({"results", "index", "index_seals", "report", "inputs", "outside"})
ANSWERS = frozenset({"papers", "feedback", "coordinate", "shown"})
NEVER: dict[Role, frozenset[str]] = {  # METHOD section 7, "may not": by blueprint
    Role.ADMIN: SCORES | ANSWERS,
    Role.DATA_OFFICE: SCORES | frozenset({"papers", "feedback", "shown", "people"}),
    Role.SURVEY_OFFICE: frozenset({"inputs", "outside", "people"}),
    Role.LEAD_AGENCY: frozenset({"papers", "people"}),
    Role.OVERSIGHT: frozenset({"inputs", "outside", "papers", "shown"}),
    Role.INTERVIEWER: SCORES | frozenset({"feedback", "coordinate", "shown", "people"}),
    Role.RATED_UNIT: frozenset({"inputs", "outside", "index_seals", "papers", "shown", "people"}),
}


@pytest.fixture
def people(app: Flask, database: Database, signed_in: SignIn) -> list[Person]:
    """Nobody, and every role once for its own unit; whose unit is another one is tried by other units' addresses."""
    with database.begin() as session:
        for code in (OWN, OTHER):
            session.add(Unit(code=code, name_vi=code, name_en=code, type="department", rated=True))
    of_a_unit = accounts.OF_A_UNIT
    held = [(role.value, frozenset({role}), signed_in(role.value, unit=OWN if role in of_a_unit else None))
            for role in Role]  # fmt: skip
    return [("nobody", None, app.test_client()), *held]


def addresses(app: Flask, rule: Rule) -> list[str]:
    """The rule's address with own, other and crooked values where it takes a unit."""
    given = {name: VALUES.get(name) or _usual(rule, name) for name in rule.arguments}
    longest = max((len(values) for values in given.values()), default=1)
    bound = app.url_map.bind("localhost")
    made = []
    for turn in range(longest):
        chosen = {name: values[min(turn, len(values) - 1)] for name, values in given.items()}
        made.append(bound.build(rule.endpoint, chosen))
    return made


def _usual(rule: Rule, name: str) -> list[Any]:
    converter = rule._converters[name]
    if type(converter).__name__ == "IntegerConverter":
        return [1]
    return sorted(getattr(converter, "items", {"0"}))


def fits(endpoint: str | None, roles: frozenset[Role] | None, method: str, status: int) -> bool:
    """Whether an answer is the one that the table of routes promises."""
    if endpoint is None:
        return status in NO_SUCH
    who = routes.ROUTES[endpoint]
    if who is routes.KEYED:
        return status == 401  # nobody signed in is a program
    if endpoint.startswith("receipts.") or routes.may_open(endpoint, roles):
        return status in (UNSIGNED if method == "POST" else OPENED)
    return status == (303 if roles is None else 403)


def test_every_route_by_every_method_lets_in_whom_the_table_names(app: Flask, people: list[Person]) -> None:
    told: Counter[str] = Counter()
    tokens = {name: token_of(client) for name, _roles, client in people}
    rules = list(app.url_map.iter_rules())
    for address in sorted({one for rule in rules for one in addresses(app, rule)}):
        for method in METHODS:
            endpoint = endpoint_of(app, address, method)
            for name, roles, client in people if endpoint else people[:2]:
                denied = method == "POST" and endpoint is not None and not routes.may_open(endpoint, roles)
                status = plain(client, method, address, {"csrf_token": tokens[name]} if denied else None)
                told[method if endpoint else "no such method"] += 1
                assert fits(endpoint, roles, method, status), (address, name, method, endpoint, status)
    size = f"{len(rules)} routes x {len(people)} people x {len(METHODS)} methods"
    print(f"\nmatrix: {size}, with own, other and crooked ids {told.total()} requests: {dict(told)}")


def endpoint_of(app: Flask, address: str, method: str) -> str | None:
    """Which route an address leads to by a method, if any."""
    try:
        endpoint, _values = app.url_map.bind("localhost").match(address, method)
    except HTTPException:
        return None
    return str(endpoint)


def plain(client: FlaskClient, method: str, address: str, data: dict[str, str] | None) -> int:
    """Without reading the page: other tests do."""
    response = FlaskClient.open(client, address, method=method, data=data)
    response.close()
    return response.status_code


def token_of(client: FlaskClient) -> str:
    client.get("/staff/recover")
    return client.form(0)["csrf_token"]  # type: ignore[attr-defined, no-any-return]


def test_the_separations_of_the_method_hold() -> None:
    for endpoint, who in routes.ROUTES.items():
        blueprint = endpoint.partition(".")[0]
        for role, never in NEVER.items():
            if blueprint in never:
                allowed = not isinstance(who, routes.Everybody) and role in who
                assert not allowed or (role, endpoint) in PERMITTED, (role, endpoint)


PERMITTED = {
    (Role.OVERSIGHT, "people.index"),  # looks at accounts, changes none
}


def test_a_route_without_an_entry_keeps_the_site_from_starting(app: Flask) -> None:
    with pytest.raises(RouteUnlisted):
        routes.check_listed([*routes.ROUTES, "results.everything"])
    assert not routes.may_open("results.everything", frozenset(Role))  # deny by default
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(routes.ROUTES)


def test_no_method_or_header_stands_for_another(signed_in: SignIn, database: Database) -> None:
    client = signed_in("survey_office")
    for address in ("/staff/accounts", "/results/none/inputs"):
        for override in ("X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-URL"):
            assert client.get(address, headers={override: "/coordinate"}).status_code == 403
    assert client.post("/coordinate?_method=GET", data={"_method": "GET"}).status_code in {400, 405}


def test_whose_agency_bears_a_rated_units_name_is_of_that_unit(database: Database) -> None:
    """Else Home Affairs would see its own row early through an account that somebody made without a unit."""
    with database.begin() as session:
        session.add(Unit(code=OWN, name_vi="Sở Nội vụ", name_en="Home Affairs", type="department", rated=True))
        session.flush()
        made = staff.create_account(
            session, email="a@b.vn", name="A", agency=" sở  NỘI vụ", roles=["survey_office"], password=None, now=NOW
        )
        assert made.unit_code == OWN
        with pytest.raises(UnitNeeded):
            staff.create_account(
                session, email="b@b.vn", name="B", agency="Văn phòng", roles=["lead_agency"], password=None, now=NOW
            )
