"""A crowd at one poster waits for its own turn; everybody else is answered meanwhile, and nobody's place is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.exceptions import ServiceUnavailable

from survey.app import create_app
from survey.config import Settings
from survey.db import Database
from survey.keys import Keys
from survey.model.draft import Draft
from survey.model.quota import QuotaCell, Reservation
from survey.web.respond import crowd

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, settings: Settings) -> Any:
    return go_to_the_field(database, Keys(settings.keys), NOW)


@contextmanager
def inside(app: Flask, code: str, people: int) -> Iterator[None]:
    """So many requests of a poster that are being answered, each in a context of its own."""
    requests = [(Context(), app.test_request_context(f"/q/{code}")) for _ in range(people)]
    for context, one in requests:
        context.run(one.push)
        context.run(crowd.come_in, code)
    yield
    for context, one in requests:
        context.run(one.pop)


def held(database: Database) -> tuple[int, int, int]:
    """Places taken, places held, open forms."""
    with database.read() as session:
        counts = [session.scalar(select(func.count()).select_from(table)) or 0 for table in (Reservation, Draft)]
        return session.scalar(select(func.sum(QuotaCell.taken))) or 0, *counts


def test_one_poster_leaves_half_of_the_threads_to_all_others(app: Flask, client: Any, field: Any) -> None:
    with inside(app, field.counter, crowd.AT_ONCE):
        asked_to_wait = client.get(f"/q/{field.counter}")
        assert asked_to_wait.status_code == 503
        assert asked_to_wait.headers["Retry-After"]
        assert client.get(f"/q/{field.small_counter}").status_code == 200
        assert client.get(f"/k/{field.personal[0]}").status_code == 200
    assert client.get(f"/q/{field.counter}").status_code == 200


def test_a_refused_or_failed_request_keeps_no_turn(app: Flask, client: Any, field: Any) -> None:
    for _ in range(crowd.AT_ONCE + 1):
        assert client.get(f"/q/{field.counter}/99").status_code == 404
        with inside(app, field.counter, crowd.AT_ONCE):
            assert client.get(f"/q/{field.counter}").status_code == 503
    assert client.get(f"/q/{field.counter}").status_code == 200


def test_so_many_begin_at_once_then_one_in_so_long(
    app: Flask, field: Any, settings: Settings, database: Database
) -> None:
    link = f"/q/{field.counter}"
    for _ in range(crowd.ROOM):
        assert app.test_client().submit(link).status_code == 303  # type: ignore[attr-defined]
    one_more: Any = app.test_client()
    before = held(database)
    busy = one_more.submit(link)
    assert busy.status_code == 503
    assert "Thử lại" in busy.text
    assert "Câu trả lời của Ông/Bà" not in busy.text, "there are none yet"
    assert held(database) == before, "who is asked to wait takes no place and leaves no form"
    later = create_app(settings, database=database, clock=lambda: NOW + crowd.EVERY)
    later.test_client_class = app.test_client_class
    one, other = later.test_client(), later.test_client()
    assert one.submit(link).status_code == 303  # type: ignore[attr-defined]
    assert other.submit(link).status_code == 503  # type: ignore[attr-defined]


def test_a_form_that_was_begun_goes_on_in_the_crowd(app: Flask, field: Any) -> None:
    browser: Any = app.test_client()
    page = browser.submit(f"/q/{field.counter}").location
    for _ in range(crowd.ROOM - 1):
        app.test_client().submit(f"/q/{field.counter}")  # type: ignore[attr-defined]
    assert app.test_client().submit(f"/q/{field.counter}").status_code == 503  # type: ignore[attr-defined]
    assert browser.submit(page, {"S15": "5"}).location.endswith("/2")
    assert browser.submit(f"/q/{field.counter}").status_code == 303, "nor does going on count as beginning"


def test_a_poster_that_was_quiet_has_its_room_again() -> None:
    cell = b"a poster of its own"
    for _ in range(crowd.ROOM):
        crowd.begin_at(cell, NOW)
    with pytest.raises(ServiceUnavailable):
        crowd.begin_at(cell, NOW)
    rested = NOW + crowd.EVERY * crowd.ROOM + timedelta(hours=1)
    for _ in range(crowd.ROOM):
        crowd.begin_at(cell, rested)
    with pytest.raises(ServiceUnavailable):
        crowd.begin_at(cell, rested)
