"""The effect of a random order is measured over the whole wave, and nothing of it is open before the close."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from survey.db import Database
from survey.instrument import load_instrument
from survey.jobs import close, mix
from survey.keys import Keys
from survey.model.response import Facts, OrderCount, Spooled
from survey.stages import openings, orders, quotas, responses, waves
from survey.web import forms, shuffle

EVERY = load_instrument(Path(__file__).parents[1] / "survey" / "data" / "every-type.toml")
FORMS, FIRST_IS_LIKED = 150, 1


def answer(database: Database, keys: Keys, field: Any, now: datetime, number: int) -> None:
    """One form at the poster: what stands first is liked best."""
    secret, pages = f"secret-{number}", forms.pages_of(EVERY, ())
    order = shuffle.places(pages, f"key-{number}")
    said = {name: "5" if place == FIRST_IS_LIKED else "4" for name, place in order.items()}
    with database.begin() as session:
        opening = replace(openings.open_counter(session, keys, field.counter, now=now), instrument=EVERY)
        quotas.reserve(session, opening.subject, opening.key.mark("draft", secret), now)
        responses.accept(
            session, opening, secret=secret, submission_key=f"key-{number}", answers=said, body=b"", now=now,
            order=order,
        )  # fmt: skip


def test_the_effect_of_the_order_is_measured_at_the_close_alone(
    database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]
) -> None:
    field = go_to_the_field(database, keys, now)
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        wave.instrument = EVERY.source
        for cell in quotas.of_wave(session, wave):
            cell.target = FORMS
    for number in range(FORMS):
        answer(database, keys, field, now, number)
    mix.run(database, keys, now=now, rng=random.Random(1))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(OrderCount)) == 0
        assert session.scalar(select(func.count()).where(Spooled.cell == responses.ORDER_CELL)) == FORMS
    close.run(database, keys, "2026-citizens", actor="test", now=now, rng=random.Random(1))
    with database.read() as session:
        found = orders.effects(session, waves.find(session, "2026-citizens"))
        assert session.scalar(select(func.count()).select_from(Facts)) == 0, "it is nobody's fact"
        assert session.scalar(select(func.count()).select_from(Spooled)) == 0
    assert [one.item for one in found] == ["S1", "S2", "S3"]
    for one in found:
        means = {place: mean for place, _answers, mean in one.means}
        assert (one.answers, means[1], means[2], means[3]) == (FORMS, 5, 4, 4)
        assert one.slope < 0
        assert abs(one.z) > 10


def test_a_form_without_a_random_order_leaves_nothing_to_count(
    database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]
) -> None:
    field = go_to_the_field(database, keys, now)
    with database.begin() as session:
        opening = openings.open_link(session, keys, field.personal[0], now=now)
        assert shuffle.places(forms.pages_of(opening.instrument, ()), "key") == {}
        responses.accept(
            session, opening, secret=field.personal[0], submission_key="k", answers={"S15": "5"}, body=b"", now=now,
            order={},
        )  # fmt: skip
        sealed = session.execute(select(Spooled.cell, Spooled.sealed)).all()
    assert [cell for cell, _sealed in sealed] == ["98-01|all"]
    assert "order" not in json.loads(opening.key.open(sealed[0][1]))
