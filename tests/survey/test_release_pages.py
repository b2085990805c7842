"""The pages from a run to the seal: two offices sign, units complain, a worker computes, everybody may check."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from survey.config import Settings
from survey.db import Database
from survey.jobs import close, progress, score, screen, seal
from survey.keys import Keys
from survey.model.release import Release
from survey.model.response import Answer
from survey.model.staff import Account
from survey.model.task import Task
from survey.stages import releases, results, reviews, tasks, waves
from survey.stages.releases import Step
from survey.stages.reviews import Found
from survey.stages.tasks import Job

SignIn = Callable[..., FlaskClient]
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
WAVE, DOCUMENT = "2026-citizens", "12/QĐ-SNV, 05/8/2026, Giám đốc"


@pytest.fixture
def scored(settings: Settings, database: Database, go_to_the_field: Callable[..., Any]) -> Database:
    """A closed wave with one run."""
    keys = Keys(settings.keys)
    go_to_the_field(database, keys, NOW)
    close.run(database, keys, WAVE, actor="test", now=NOW)
    screen.run(database, WAVE, actor="test", now=NOW)
    score.run(database, WAVE, actor="test", now=NOW)
    return database


@pytest.fixture
def offices(scored: Database, signed_in: SignIn) -> dict[str, FlaskClient]:
    """A client for each office that has a part in it."""
    made = {
        "lead": signed_in("lead_agency", unit="98-01"),
        "oversight": signed_in("oversight"),
        "office": signed_in("survey_office"),
        "unit": signed_in("rated_unit", unit="98-02"),
    }
    with scored.begin() as session:
        for role in ("oversight", "survey_office"):
            mine = Account.email.like(f"{role}.%")
            session.execute(update(Account).where(mine).values(agency=f"Cơ quan {role}"))
    return made


def post(client: FlaskClient, page: str, path: str, **values: str) -> int:
    """Send a form of a page with its token."""
    client.get(page)
    token = next(one.get("value", "") for one in client.page.iter("input") if one.get("name") == "csrf_token")  # type: ignore[attr-defined]
    return client.post(path, data={"csrf_token": token, **values}).status_code


def propose(database: Database, client: FlaskClient, step: Step, **values: str) -> int:
    with database.read() as session:
        run = results.latest(session, waves.find(session, WAVE)).id.hex()
    path = f"/results/{WAVE}"
    return post(client, f"{path}/release", f"{path}/propose", step=step, run=run, document=DOCUMENT, **values)


def seen(database: Database, step: Step) -> str:
    with database.read() as session:
        wave = waves.find(session, WAVE)
        pending = releases.pending(session, wave, step)
        return releases.digest(session, wave, pending) if pending else ""


def sign(database: Database, client: FlaskClient, step: Step, digest: str | None = None) -> int:
    path, shown = f"/results/{WAVE}", seen(database, step) if digest is None else digest
    return post(
        client, f"{path}/release", f"{path}/sign", step=step, seen=shown, document="34/MTTQ, 06/8/2026, Chủ tịch"
    )


def test_two_offices_sign_on_the_page_and_the_unit_sees_its_sheet_only_then(
    scored: Database, offices: dict[str, FlaskClient]
) -> None:
    assert offices["unit"].get(f"/complaints/{WAVE}").status_code == 404
    assert propose(scored, offices["lead"], Step.PROVISIONAL, until="2026-03-20T17:00") == 303
    assert offices["unit"].get(f"/complaints/{WAVE}").status_code == 404
    assert sign(scored, offices["oversight"], Step.PROVISIONAL, "0" * 64) == 422  # not what the page showed
    assert sign(scored, offices["lead"], Step.PROVISIONAL) == 422  # the same agency again
    assert sign(scored, offices["oversight"], Step.PROVISIONAL) == 303
    assert offices["unit"].get(f"/complaints/{WAVE}").status_code == 200
    assert offices["unit"].get(f"/results/{WAVE}").status_code == 403
    for role in ("lead", "oversight", "office"):
        assert offices[role].get(f"/results/{WAVE}/release").status_code == 200


def test_a_unit_complains_about_its_own_sheet_and_reads_the_answer_and_the_decision(
    scored: Database, offices: dict[str, FlaskClient]
) -> None:
    propose(scored, offices["lead"], Step.PROVISIONAL, until="2026-03-20T17:00")
    sign(scored, offices["oversight"], Step.PROVISIONAL)
    page = f"/complaints/{WAVE}"
    assert post(offices["unit"], page, f"{page}/file", code="9.9", text="x") == 422
    assert post(offices["unit"], page, f"{page}/file", code="1.1.1", text="  ") == 422
    assert post(offices["unit"], page, f"{page}/file", code="1.1.1", text="<b>Điểm</b> chưa đúng.") == 303
    offices["lead"].get(page)
    form = next(one for one in offices["lead"].page.iter("form") if "/answer" in one.get("action", ""))  # type: ignore[attr-defined]
    answer = form.get("action", "")
    assert post(offices["lead"], page, answer, text="Đã đối chiếu.") == 303
    decide = answer.replace("/answer", "/decide")
    assert post(offices["lead"], page, decide, verdict="rejected", document=DOCUMENT) == 303
    told = offices["unit"].get(page).get_data(as_text=True)
    assert "&lt;b&gt;Điểm&lt;/b&gt;" in told
    assert "Đã đối chiếu." in told
    assert DOCUMENT in told


def test_a_task_shows_its_steps_without_a_script_and_tells_why_it_was_refused(
    settings: Settings, scored: Database, offices: dict[str, FlaskClient]
) -> None:
    page = f"/results/{WAVE}/release"
    with scored.begin() as session:
        wave = waves.find(session, WAVE)
        task = tasks.ask(session, wave, Job.SCORE, by="test", now=NOW).id
        tasks.at(session, task, "computing")
    text = offices["lead"].get(page).get_data(as_text=True)
    assert 'http-equiv="refresh"' in text
    assert "(2/3)" in text
    assert post(offices["lead"], page, f"/results/{WAVE}/ask/score") == 422  # it runs already
    with progress.followed(scored, task.hex(), clock=lambda: NOW):
        score.run(scored, WAVE, actor="test", now=NOW + timedelta(minutes=5))
    with scored.read() as session:
        assert session.get_one(Task, task).state == tasks.DONE
    assert 'http-equiv="refresh"' not in offices["lead"].get(page).get_data(as_text=True)
    with scored.begin() as session:
        later = NOW + timedelta(minutes=6)
        task = tasks.ask(session, waves.find(session, WAVE), Job.SEAL, by="test", now=later).id
    with progress.followed(scored, task.hex(), clock=lambda: NOW):
        seal.run(scored, Keys(settings.keys), WAVE, actor="test", now=NOW)
    text = offices["lead"].get(page).get_data(as_text=True)
    assert "Cần hai cơ quan ký trước" in text


def test_a_sealed_wave_hands_out_its_bundle_and_two_runs_are_compared(
    settings: Settings, scored: Database, offices: dict[str, FlaskClient], app: Flask
) -> None:
    propose(scored, offices["lead"], Step.PROVISIONAL, until="2026-03-20T17:00")
    sign(scored, offices["oversight"], Step.PROVISIONAL)
    with scored.begin() as session:
        wave = waves.find(session, WAVE)
        run = results.latest(session, wave)
        later = NOW + timedelta(days=20)
        release = releases.propose(
            session, wave, run, Step.FINAL, document=DOCUMENT, by="lead_agency.98-01@example.vn", now=later
        )
        releases.sign(session, wave, release, document=DOCUMENT, by="oversight.none@example.vn", now=later)
    seal.run(scored, Keys(settings.keys), WAVE, actor="test", now=later)
    assert "Khóa: " in offices["oversight"].get(f"/results/{WAVE}/release").get_data(as_text=True)
    response = offices["oversight"].get(f"/results/{WAVE}/seals/1.zip")
    assert "seal.json" in zipfile.ZipFile(io.BytesIO(response.get_data())).namelist()
    assert offices["oversight"].get(f"/results/{WAVE}/seals/2.zip").status_code == 404
    score.run(scored, WAVE, actor="test", now=later + timedelta(hours=1))
    with scored.read() as session:
        wave = waves.find(session, WAVE)
        runs = [one.id.hex() for one in releases.all_runs(session, wave)]
        assert session.scalars(select(Release)).all()
    assert offices["lead"].get(f"/results/{WAVE}/compare?before={runs[1]}&after={runs[0]}").status_code == 200
    offices["lead"].get(f"/results/{WAVE}/release")
    assert offices["unit"].get(f"/results/{WAVE}/seals/1.zip").status_code == 403


def test_a_case_is_decided_on_the_page_by_both_offices(scored: Database, offices: dict[str, FlaskClient]) -> None:
    with scored.begin() as session:
        wave = waves.hold(session, WAVE)
        answer = Answer(
            id=b"1" * 16, wave_id=wave.id, phase=1, mode="counter", unit_code="98-02", class_code="c", items={}
        )  # fmt: skip
        session.add(answer)
        session.flush()
        told = {"statistic": "66", "expected": "3.1", "quantile": "9", "p": "1e-05", "adjusted_p": "0.002", "n": 30}
        found = [Found("collector", "98-02|counter", "copies", told, 30, (answer.id,))]
        made = {"extract": "0" * 64, "answers": 420, "options": {"seed": 1}, "version": "1"}
        reviews.store(session, wave, found, **made, actor="test", now=NOW + timedelta(hours=1))
    page = f"/review/{WAVE}/1"
    offices["office"].get(f"/review/{WAVE}")
    assert post(offices["office"], page, page, verdict="confirmed") == 422  # no reason
    assert post(offices["office"], page, page, verdict="confirmed", reason="Biên bản 3") == 303
    assert post(offices["oversight"], page, page, verdict="confirmed", reason="Đã gọi lại") == 303
    text = offices["office"].get(page).get_data(as_text=True)
    assert "Đã gọi lại" in text
    assert '<form method="post">' not in text
    assert offices["lead"].get(page).status_code == 403
    offices["oversight"].get("/review")
