"""Who answers while the wave rests is told when to come back, and finds there what was written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from survey.config import Settings
from survey.db import Database
from survey.keys import Keys
from survey.stages import steps, waves

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
DECISION = "13/QD-SNV, 11/03/2026, Nguyen Van A"
GIVEN = {"S15": "5", "S16": "4"}


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, settings: Settings) -> Any:
    return go_to_the_field(database, Keys(settings.keys), NOW)


def pause(database: Database, *, on: bool) -> None:
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        if on:
            steps.pause(session, wave, until=NOW + timedelta(hours=3), actor="test", now=NOW, document=DECISION)
        else:
            steps.resume(session, wave, actor="test", now=NOW, document=DECISION)


def test_a_pause_under_somebodys_hands_keeps_the_page_that_was_sent(
    client: Any, database: Database, field: Any
) -> None:
    link = f"/k/{field.personal[0]}"
    client.submit(link)
    sent = {**client_form(client, f"{link}/1"), **GIVEN}
    pause(database, on=True)
    for response in (client.get(link), client.post(f"{link}/1", data=sent)):
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "3600"
        assert 'data-state="paused"' in response.text
        assert "12:00 ngày 10/03/2026" in response.text or "10/03/2026" in response.text
    pause(database, on=False)
    response = client.get(f"{link}/1")
    for name, value in GIVEN.items():
        chosen = [one for one in client.page.iter("input") if one.get("name") == name and "checked" in one.attrib]
        assert [one.get("value") for one in chosen] == [value]
    assert response.status_code == 200


def client_form(client: Any, path: str) -> dict[str, str]:
    client.get(path)
    return dict(client.form())


def test_the_script_is_told_that_the_wave_rests_and_comes_back_within_the_hour(
    client: FlaskClient, database: Database, field: Any
) -> None:
    pause(database, on=True)
    response = client.get(f"/k/{field.personal[0]}", headers={"Accept": "application/json"})
    assert (response.headers["X-State"], response.headers["Retry-After"]) == ("paused", "3600")
