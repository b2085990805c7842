"""Before the close nothing that staff can read depends on what was answered: two copies of one wave, told apart by
nothing but their answers, show the same bytes on every route, for every role and every program's key."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import BuildError

from survey.app import create_app
from survey.config import settings_from
from survey.db import Database, open_database
from survey.instrument import Instrument
from survey.jobs import mix
from survey.keys import Keys
from survey.model.staff import Account, AccountRole
from survey.model.tables import METADATA
from survey.stages import api_keys, board, openings, responses, waves
from survey.stages.api_keys import Scope
from survey.stages.staff import Role
from survey.web.routes import KEYED, ROUTES

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
PASSWORD = "mot cau du dai de thu"
VALUES: dict[str, tuple[Any, ...]] = {
    "wave": ("2026-citizens", "2026-officials"),
    "unit": ("98-01", "98-02"),
    "kind": ("csv", "xlsx", "json"),
    "scheme": ("local-department-sample",),
    "year": (2026,),
    "number": (1,),
    "table": ("grades", "small_units", "items"),
}
MASKS = (
    re.compile(rb'nonce="[^"]*"'),
    re.compile(rb'name="(?:csrf_token|sending)" value="[^"]*"'),
    re.compile(rb'data-account="[^"]*"'),  # a keyed hash of the account, by the installation's own key
    re.compile(rb"[0-9a-f]{32,}"),  # ids are random
    re.compile(rb"otpauth://\S+|[A-Z2-7]{32}"),  # a second factor that is being set up
)
UNTOLD = {"Set-Cookie", "Content-Security-Policy", "Date", "ETag"}


class Copy:
    """One copy of the wave: a site of its own, its people answering by `said`."""

    def __init__(self, folder: Path, go_to_the_field: Any, said: Any) -> None:
        names = {"HAILONG_DATABASE": "site.db", "HAILONG_KEYS": "keys", "HAILONG_CHANNELS": "channels.toml"}
        settings = settings_from({name: str(folder / file) for name, file in names.items()})
        self.database: Database = open_database(settings.database)
        with self.database.writer.begin() as connection:
            METADATA.create_all(connection)
        self.keys = Keys(settings.keys)
        self.app: Flask = create_app(settings, database=self.database, clock=lambda: NOW)
        self.fill(go_to_the_field(self.database, self.keys, NOW), said)

    def fill(self, field: Any, said: Any) -> None:
        """All officials, eleven citizens by their links, one at a counter; a day's count and a round of mixing."""
        numbers = itertools.count()
        for code in (*field.personal[:11], *field.officials):
            self.answer(code, said, next(numbers), openings.open_link)
        self.answer(field.counter, said, next(numbers), openings.open_counter)
        with self.database.begin() as session:
            board.keep_day(session, waves.find(session, "2026-officials"), NOW)
        mix.run(self.database, self.keys, now=NOW, rng=Random(1))

    def answer(self, code: str, said: Any, number: int, opens: Any) -> None:
        with self.database.begin() as session:
            opening = opens(session, self.keys, code, now=NOW)
            responses.opened(session, opening)
            instrument: Instrument = opening.instrument
            items = [item.code for item in instrument.scored_items]
            units = [unit.code for unit in opening.block]
            names = [f"{unit}:{code}" for unit in units for code in items] if units else items
            answers = {name: said(number, position) for position, name in enumerate(names)}
            responses.accept(
                session, opening, secret=f"{number}", submission_key=f"{number}", answers=answers, body=b"", now=NOW
            )

    def staff(self) -> Iterator[tuple[str, FlaskClient, dict[str, str], Role | None]]:
        """A signed-in browser for each role, and a program for each scope."""
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        for role in Role:
            email = f"{role.value}@example.vn"
            with self.database.begin() as session:
                account = Account(
                    email=email, name="Thử", agency="Sở", unit_code="98-01" if role is Role.RATED_UNIT else None,
                    password_hash=cheap, active=True, failures=0, locked_until=None, created_at=NOW,
                )  # fmt: skip
                session.add(account)
                session.flush()
                session.add(AccountRole(account_id=account.id, role=role.value))
            browser = self.app.test_client()
            page = browser.get("/staff/sign-in").get_data(as_text=True)
            token = re.search(r'name="csrf_token" value="([^"]*)"', page)
            form = {"csrf_token": token[1] if token else "", "email": email, "password": PASSWORD}
            assert browser.post("/staff/sign-in", data=form).status_code == 303
            yield role.value, browser, {}, role
        for scope in Scope:
            with self.database.begin() as session:
                key = api_keys.issue(
                    session, name=scope.value, scopes=[scope], unit=None, expires_at=NOW + timedelta(days=1),
                    actor="t", now=NOW,
                )  # fmt: skip
            yield scope.value, self.app.test_client(), {"Authorization": f"Bearer {key}"}, None

    def addresses(self, role: Role | None) -> list[str]:
        """Every address that a role (None: a program) may open, with every value that its parts may have here."""
        found = set()
        for rule in self.app.url_map.iter_rules():
            who = ROUTES[rule.endpoint]
            is_mine = who is KEYED if role is None else isinstance(who, frozenset) and role in who
            if "GET" not in (rule.methods or ()) or not is_mine:
                continue
            names = sorted(rule.arguments)
            for values in itertools.product(*(VALUES.get(name, ("0" * 32,)) for name in names)):
                with (
                    self.app.test_request_context(),
                    suppress(BuildError, ValueError),
                ):  # a part that takes none of these
                    found.add(self.app.url_for(rule.endpoint, **dict(zip(names, values, strict=True))))
        return sorted(found)

    def shown(self) -> dict[tuple[str, str], tuple[int, tuple[str, ...], bytes]]:
        """What each may read at each address, ids and nonces masked."""
        told = {}
        for who, browser, headers, role in self.staff():
            for address in self.addresses(role):
                response = browser.get(address, headers=headers)
                head = tuple(sorted(f"{name}: {value}" for name, value in response.headers if name not in UNTOLD))
                told[who, address] = (response.status_code, head, masked(response.get_data()))
        return told


def masked(body: bytes) -> bytes:
    for mask in MASKS:
        body = mask.sub(b"", body)
    return body


@pytest.fixture
def two(tmp_path: Path, go_to_the_field: Any) -> Iterator[tuple[Copy, Copy]]:
    """All say 5 in one, 1 and 5 by turns in the other."""
    folders = [tmp_path / name for name in ("satisfied", "divided")]
    for folder in folders:
        folder.mkdir()
    satisfied = Copy(folders[0], go_to_the_field, lambda _person, _item: "5")
    divided = Copy(folders[1], go_to_the_field, lambda person, item: "15"[(person + item) % 2])
    yield satisfied, divided
    satisfied.database.close()
    divided.database.close()


def test_staff_see_the_same_bytes_whatever_is_answered(two: tuple[Copy, Copy]) -> None:
    satisfied, divided = (copy.shown() for copy in two)
    assert satisfied.keys() == divided.keys()
    for place, shown in satisfied.items():
        assert shown == divided[place], place
    opened = {(who, address) for (who, address), (status, _head, _body) in satisfied.items() if status == 200}
    assert {("survey_office", "/coordinate/2026-citizens/units/98-01"), ("progress", "/metrics")} <= opened
    assert len(opened) > 40
