"""The data office's page: a list is sent, the worker reads it as the command does, the page tells it row by row."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from survey.db import Database
from survey.keys import Keys
from survey.model.base import new_id
from survey.model.rater import Rater
from survey.model.response import Tally
from survey.model.upload import FrameUpload, FrameUploadPart
from survey.stages import coverage, samples, uploads, waves

SignIn = Callable[..., Any]
Work = Callable[[], None]
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
PAGE = "/prepare/w/list"
STAFF = "0911111111"
HEADER = "dossier_code,procedure_field,rated_unit,finished_on,phone\n"
LIST = HEADER + "".join(
    f"HS-{n},F,98-01,{day},{phone}\n"
    for n, (day, phone) in enumerate([
        ("2025-03-01", "0912345678"), ("2025-03-01", "0912345678"), ("2025-03-02", STAFF), ("2025-02-30", ""),
        ("2024-03-01", ""),
    ])
)  # fmt: skip


@pytest.fixture
def office(app: Flask, database: Database, signed_in: SignIn, prepare_wave: Callable[..., Any]) -> Any:
    """The data office at a wave in preparation; one official gave a phone."""
    keys = Keys(app.extensions["survey"].settings.keys)
    with database.begin() as session:
        wave = prepare_wave(session, ["98-01"])
        session.add(Rater(
            wave_id=wave.id, code_mark=new_id(), group="G", agency="98-01", rates=["*"],
            phone=keys.installation.hide(STAFF), email=None,
        ))  # fmt: skip
    return signed_in("data_office")


def send(client: Any, text: str, **values: Any) -> int:
    file = (io.BytesIO(text.encode()), "danh sách.csv")
    return at(client, f"{PAGE}/send", {"file": file, **values}, content_type="multipart/form-data")


def at(client: Any, action: str, values: dict[str, Any], **kwargs: Any) -> int:
    client.get(PAGE)
    number = next(n for n, form in enumerate(client.page.iter("form")) if form.get("action") == action)
    return int(client.submit(PAGE, values, form=number, **kwargs).status_code)


def text(client: Any) -> str:
    client.get(PAGE)
    return " ".join("".join(client.page.itertext()).split())


def test_a_list_is_tried_taken_in_told_by_rows_and_signed_for(office: Any, work: Work, database: Database) -> None:
    assert send(office, LIST, trial="1") == 303
    work()
    assert "chưa lưu gì" in text(office)
    with database.read() as session:
        assert not coverage.look(session, waves.find(session, "w")).dossiers
    assert send(office, LIST) == 303
    work()
    told = text(office)
    assert "dòng 5" in told  # 30 February
    assert "dòng 6" in told  # of another year
    assert "dòng 4" not in told
    with database.read() as session:
        counts = coverage.look(session, waves.find(session, "w")).counts
        assert (counts["quarantined"], counts["staff_phone_dossiers"]) == (2, 1)
        assert session.scalar(select(func.count()).select_from(FrameUploadPart)) == 0
    name = {"by": "Trần Văn B", "document": "1/BB, 10/3/2026, Trần Văn B"}
    assert at(office, f"{PAGE}/sign", name | {"seen": "0" * 64}) == 422  # another list than the page showed
    assert at(office, f"{PAGE}/sign", name) == 303
    assert "Trần Văn B" in text(office)
    with database.begin() as session:
        session.execute(delete(FrameUpload))
    assert send(office, HEADER + "HS-9,F,98-01,2025-04-01,\nHS-0,G,98-01,2025-03-01,\n") == 303
    work()
    assert "procedure_field: 1 " in text(office)
    assert "Chưa ký" in text(office)


def test_a_rated_unit_sees_its_own_list_and_the_same_bytes_whoever_is_drawn_or_answers(
    office: Any, work: Work, database: Database, signed_in: SignIn
) -> None:
    send(office, LIST)
    work()
    unit = signed_in("rated_unit", unit="98-01")
    before = unit.get("/own-list").get_data(as_text=True)
    assert "w" in before
    with database.begin() as session:
        wave = waves.find(session, "w")
        coverage.sign(session, wave, by="A", actor="t", now=NOW)
        samples.draw(session, wave, seed=1, response_rate=0.5, actor="t", now=NOW)
        session.add(Tally(wave_id=wave.id, cell="98-01", mode="link", completed=2))
    shown = unit.get("/own-list").get_data(as_text=True)
    assert masked(shown) == masked(before)
    assert signed_in("rated_unit", unit="98").get("/own-list").status_code == 200  # in no wave
    assert office.get("/own-list").status_code == 403


def masked(page: str) -> str:
    return re.sub(r'(csrf_token" value|nonce)="[^"]*"', "", page)


def test_what_is_no_list_is_refused_in_words_and_leaves_nothing(office: Any, work: Work, database: Database) -> None:
    assert at(office, f"{PAGE}/send", {}, content_type="multipart/form-data") == 422
    mapping = (io.BytesIO(b"[columns]\nnobody = 'x'\n"), "m.toml")
    assert send(office, LIST, mapping=mapping) == 422
    assert send(office, "a,b\n1,2\n") == 303
    work()
    assert "chưa làm được" in text(office)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(FrameUploadPart)) == 0
        assert uploads.latest(session, waves.find(session, "w")).report is None


def test_a_list_of_many_rows_is_taken_and_only_from_who_may_send_it(
    office: Any, work: Work, database: Database, signed_in: SignIn
) -> None:
    """A form may have 64 kilobytes; the limit must be another before the form's token is looked for in the body."""
    many = HEADER + "".join(f"HS-{n},F,98-01,2025-03-01,\n" for n in range(3000))
    assert len(many) > 64 * 1024
    assert send(office, many) == 303
    work()
    with database.read() as session:
        assert coverage.look(session, waves.find(session, "w")).dossiers == 3000
    other = signed_in("oversight")
    for client, status in ((other, 403), (other.application.test_client(), 303)):
        file = (io.BytesIO(many.encode()), "l.csv")
        sent = client.post(f"{PAGE}/send", data={"file": file}, content_type="multipart/form-data", buffered=True)
        assert sent.status_code == status
