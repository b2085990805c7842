"""The API: keys and scopes, what a key may see, refusals as problems, points loaded once, webhooks signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from sqlalchemy import select

from survey import resources
from survey.channels.contract import NotNow, Why
from survey.channels.hooks import Event, Hook
from survey.db import Database
from survey.i18n import translator
from survey.jobs import hooks
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.release import Release
from survey.model.response import Tally
from survey.model.seal import Seal, SealPart
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.sentences.values import unfit
from survey.stages import api_keys, exports, results, units, waves
from survey.stages.api_keys import Scope
from survey.wavefile import read_wave_file
from survey.web.site import Site

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
SCHEME = "local-department-sample"
WAVE = """
code = "W1"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = ["local-department-sample"]
province = "75"
period_from = 2026-01-01
period_to = 2026-03-31
opens = 2026-03-01T08:00:00
closes = 2026-04-01T17:00:00
units = "*"
targets = { default = 30 }
"""
Ask = Callable[..., Any]


def figure(unit: str, index: str) -> dict[str, Any]:
    told = {"year": "2026", "wave": "W1", "rule": "top2box", "weighting": "design", "answers": "all", "scheme": SCHEME}
    own = {"unit": unit, "level_of": "overall", "code": "overall", "is_official": "yes", "status": "ok", "se": "1.5"}
    return {**dict.fromkeys(exports.COLUMNS), **told, **own, "index": index}


@pytest.fixture
def wave(app: Flask, database: Database) -> Wave:
    """A scored wave of two departments."""
    site: Site = app.extensions["survey"]
    with database.begin() as session:
        session.add(Unit(code="75", name_vi="Đồng Nai", name_en="Dong Nai", type="province", rated=False))
        session.flush()
        for code in ("75-SNV", "75-STP"):
            session.add(Unit(code=code, name_vi=code, name_en=code, type="department", parent="75", rated=True))
        session.flush()
        made = waves.create(session, read_wave_file(WAVE), keys=Keys(site.settings.keys), actor="t", now=NOW)
        session.add(Tally(wave_id=made.id, cell="75-SNV", mode="link", completed=12))
        rows = [figure("75-SNV", "81.25"), figure("75-STP", "88.12"), figure("75", "84.68")]
        results.store(session, made, rows, results.Made("0" * 64, "test", {}), actor="t", now=NOW)
    return made


@pytest.fixture
def key(database: Database) -> Callable[..., str]:
    def issue(*scopes: Scope, unit: str | None = None, days: int = 1) -> str:
        with database.begin() as session:
            return api_keys.issue(
                session, name="Phần mềm chấm điểm", scopes=scopes, unit=unit, actor="t", now=NOW,
                expires_at=NOW + timedelta(days=days),
            )  # fmt: skip

    return issue


@pytest.fixture
def ask(app: Flask) -> Ask:
    def run(path: str, key: str | None = None, method: str = "GET", **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return app.test_client().open(
            f"/api/v1{path}", method=method, headers=headers | more.pop("headers", {}), **more
        )

    return run


def test_without_a_key_nothing_is_told(ask: Ask, wave: Wave, key: Callable[..., str], database: Database) -> None:
    withdrawn, ended = key(Scope.WAVES), key(Scope.WAVES, days=0)
    with database.begin() as session:
        ids = [one.id.hex() for one in api_keys.every(session) if one.expires_at > NOW]
        api_keys.revoke(session, ids[0], actor="t", now=NOW)
    for text in (None, "hl_guess", withdrawn, ended):
        for path in ("/waves", "/waves/W1", "/waves/nowhere"):
            answer = ask(path, text)
            assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_does_what_its_scopes_say_and_its_text_is_kept_nowhere(
    ask: Ask, wave: Wave, key: Callable[..., str], database: Database
) -> None:
    text = key(Scope.PROGRESS)
    cells = ask("/waves/W1/progress", text).json["cells"]
    first = cells[0]
    assert [first[name] for name in ("code", "target", "completed", "left")] == ["75-SNV", 30, 12, 18]
    refused = ask("/waves", text, headers={"Accept-Language": "en"})
    assert (refused.status_code, refused.json["detail"]) == (
        403, "This key may not do that; it needs the scope waves."
    )  # fmt: skip
    assert "khóa" in ask("/waves", text, headers={"Accept-Language": "vi"}).json["detail"].lower()
    place = Path(database.reader.url.database or "")
    assert not any(text.encode() in file.read_bytes() for file in place.parent.glob(f"{place.name}*"))


def test_figures_before_the_seal_need_a_scope_of_their_own_and_never_hold_the_own_row(
    ask: Ask, wave: Wave, key: Callable[..., str]
) -> None:
    assert ask("/waves/W1/scores", key(Scope.SCORES)).status_code == 403
    whole = ask("/waves/W1/scores", key(Scope.PROVISIONAL)).json
    assert [(row["unit"], row["index"]) for row in whole["rows"]] == [
        ("75-SNV", "81.25"), ("75-STP", "88.12"), ("75", "84.68"),
    ]  # fmt: skip
    rated = ask("/waves/W1/scores", key(Scope.PROVISIONAL, unit="75-SNV")).json
    assert [(row["unit"], row["se"]) for row in rated["rows"]] == [("75-STP", None)]


def test_a_long_list_comes_in_pages_and_an_answer_that_is_the_same_is_not_sent_again(
    ask: Ask, wave: Wave, key: Callable[..., str]
) -> None:
    text, seen, after = key(Scope.PROVISIONAL), [], -1
    while after is not None:
        page = ask(f"/waves/W1/scores?limit=2&after={after}", text)
        seen += [row["unit"] for row in page.json["rows"]]
        after = page.json["next"]
    assert seen == ["75-SNV", "75-STP", "75"]
    again = ask("/waves/W1/scores", text, headers={"If-None-Match": ask("/waves/W1/scores", text).headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_sealed_bundle_is_listed_and_comes_byte_for_byte_with_its_seal_as_the_tag(
    ask: Ask, wave: Wave, key: Callable[..., str], database: Database
) -> None:
    text, pieces = key(Scope.BUNDLES), [b"PK" + b"a" * 700, b"b" * 300]
    assert ask("/waves/W1/bundles", text).json == {"wave": "W1", "bundles": []}
    sealed(database, pieces)
    listed = ask("/waves/W1/bundles", text).json["bundles"]
    assert [(one["number"], one["counts"], one["bytes"], one["seal"]) for one in listed] == [(1, True, 1002, "5e" * 32)]
    path = listed[0]["file"].removeprefix("/api/v1")
    got = ask(path, text)
    assert (got.status_code, got.content_type, got.data) == (200, "application/zip", b"".join(pieces))
    assert (got.headers["ETag"], got.content_length) == (f'"{"5e" * 32}"', 1002)
    again = ask(path, text, headers={"If-None-Match": got.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    with database.read() as session:
        taken = [entry for entry in session.scalars(select(AuditEntry)) if entry.action == "results.download"]
    assert [(entry.actor, json.loads(entry.detail)["number"]) for entry in taken] == [("api: Phần mềm chấm điểm", 1)]
    refused = [(ask("/waves/W1/bundles/2", text), 404), (ask(path, key(Scope.SCORES)), 403), (ask(path), 401)]
    assert all(one.status_code == status for one, status in refused)
    assert {one.content_type for one, _status in refused} == {"application/problem+json"}


def sealed(database: Database, pieces: list[bytes]) -> None:
    """As if two agencies had let the newest run out and somebody had sealed it."""
    with database.begin() as session:
        found = waves.find(session, "W1")
        run, name = results.latest(session, found), b"seal".ljust(16, b".")
        session.add(Release(
            id=name, wave_id=found.id, run_id=run.id, step="final", document="12/QĐ", complaints_until=None,
            proposed_at=NOW, proposed_by="t", released_at=NOW,
        ))  # fmt: skip
        session.flush()
        session.add(Seal(
            id=name, wave_id=found.id, number=1, run_id=run.id, release_id=name, document="12/QĐ", reason=None,
            statement=json.dumps({"key": "ab" * 32}), digest="5e" * 32, sealed_at=NOW, sealed_by="t",
        ))  # fmt: skip
        session.flush()
        for position, content in enumerate(pieces):
            session.add(SealPart(seal_id=name, position=position, content=content))


def test_points_are_loaded_whole_and_the_same_again_changes_nothing(
    ask: Ask, key: Callable[..., str], database: Database
) -> None:
    with database.begin() as session:
        units.import_units(session, resources.data("facts", "provinces_before_2025.csv"), actor="t", now=NOW)
    text, path = key(Scope.POINTS), "/index/par-index-2022/2023/points"
    rows = [{"unit": "74", "code": "8.1", "value": "8.78"}, {"unit": "74", "code": "8.2.1", "value": "1.2"}]
    faulty = [*rows, {"unit": "74", "code": "8.2.1", "value": "1.51"}]
    refused = ask(path, text, method="PUT", json={"rows": faulty, "source": "QĐ 1"}, headers={"Accept-Language": "en"})
    assert refused.status_code == 422
    assert [one["where"] for one in refused.json["errors"]] == ["4:value"]
    no_text = ask(path, text, method="PUT", json={"rows": [{"unit": "74", "code": "8.\x00", "value": "1"}]})
    assert (no_text.status_code, no_text.json["errors"][0]["where"]) == (422, "rows.0.code")
    told = [ask(path, text, method="PUT", json={"rows": rows, "source": "QĐ 1"}).json for _ in range(2)]
    assert [(one["new"], one["changed"], one["unchanged"]) for one in told] == [(2, 0, 0), (0, 0, 2)]


def test_a_unit_or_an_address_that_is_not_there_is_told_to_the_program(
    ask: Ask, wave: Wave, key: Callable[..., str]
) -> None:
    text, english = key(Scope.PROVISIONAL), {"Accept-Language": "en"}
    told = [
        ask(path, text, headers=english).json
        for path in ("/waves/W1/scores?unit=ZZ", "/nothing", "/waves/W1/scores?unit=75-SNV")
    ]
    assert [one.get("status", 200) for one in told] == [404, 404, 200]
    assert "ZZ" in told[0]["detail"]
    assert "openapi.json" in told[1]["detail"]


def test_a_key_that_asks_too_often_is_told_to_wait(ask: Ask, wave: Wave, key: Callable[..., str]) -> None:
    from survey.web.api import door

    text = key(Scope.WAVES)
    answers = [ask("/waves/W1", text) for _ in range(door.RATE.amount + 1)]
    assert [one.status_code for one in answers] == [200] * door.RATE.amount + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_every_request_that_the_description_allows_is_answered_as_it_says(
    app: Flask, wave: Wave, key: Callable[..., str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from limits import parse

    from survey.web.api import door

    monkeypatch.setattr(door, "RATE", parse("1000000/minute"))  # what is tried here is not the pace
    sealed(database, [b"PK", b"zip"])
    text, tried, found = key(*Scope), 0, set()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    checks = [
        not_a_server_error, response_schema_conformance, status_code_conformance, content_type_conformance,
        ignored_auth, unsupported_method,
    ]  # fmt: skip
    for operation in schema.get_all_operations():

        @settings(
            max_examples=7, deadline=None, phases=[Phase.generate], derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.ok().as_strategy())
        def run(case: Any) -> None:
            nonlocal tried
            tried += 1
            if tried % 2 and "wave" in case.path_parameters:  # else nothing but made-up waves would be asked for
                case.path_parameters |= {"wave": "W1"} | ({"number": 1} if "number" in case.path_parameters else {})
            head = {"Authorization": f"Bearer {text}", "Accept-Encoding": "identity"}
            answer = case.call_and_validate(headers=head, checks=checks)
            found.add((case.operation.path, answer.status_code))

        run()
    assert tried > 40
    assert {path for path, status in found if status == 200} >= {
        "/api/v1/waves", "/api/v1/waves/{wave}/scores", "/api/v1/waves/{wave}/bundles/{number}",
    }  # fmt: skip


def test_a_value_that_does_not_fit_is_told_in_the_callers_language(
    ask: Ask, wave: Wave, key: Callable[..., str]
) -> None:
    text, path = key(Scope.POINTS, Scope.SCORES), "/index/par-index-2022/2023/points"
    told = {}
    for language in ("vi", "en"):
        heads = {"Accept-Language": language}
        row = {"unit": "", "code": "8.1", "value": "x", "more": 1}
        body = ask(path, text, method="PUT", json={"rows": [row, {}, 7]}, headers=heads)
        limit = ask("/waves/W1/scores?limit=-1&after=x&official=perhaps", text, headers=heads)
        told[language] = {one["where"]: one["told"] for one in (*body.json["errors"], *limit.json["errors"])}
    assert told["en"]["limit"] == "It must be 1 or more."
    assert told["vi"]["limit"] == "Phải từ 1 trở lên."
    assert (
        {*told["vi"]} == {*told["en"]} >= {"rows.0.unit", "rows.0.more", "rows.1.code", "rows.2", "after", "official"}
    )
    assert not [one for one in told["vi"] if told["vi"][one] == told["en"][one]]
    assert told["en"]["rows.1.code"] == "It is missing."
    assert unfit("a_check_of_tomorrow", {}, translator("vi")) == "Giá trị không hợp lệ."


def test_a_webhook_is_told_in_order_with_a_signature_and_again_until_it_answers(database: Database, wave: Wave) -> None:
    told: list[tuple[bytes, dict[str, str]]] = []
    answers = iter([NotNow(Why.UNREACHABLE), None, None])

    def send(url: str, data: bytes, headers: Any) -> bytes:
        answer = next(answers)
        if answer is not None:
            raise answer
        told.append((data, dict(headers)))
        return b""

    hook = Hook("so-noi-vu", "https://example.vn/hook", (Event.SCORED,), "bí mật", send)
    assert hooks.run(database, (hook,), clock=lambda: NOW) == 0  # it begins at the end of the log
    with database.begin() as session:
        for code in ("a", "b"):
            made = results.Made(code * 64, "test", {})
            results.store(session, waves.find(session, "W1"), [], made, actor="t", now=NOW)
    assert [hooks.run(database, (hook,), clock=lambda: NOW) for _ in range(3)] == [0, 2, 0]
    numbers = [json.loads(data)["number"] for data, _headers in told]
    assert numbers == sorted(set(numbers))
    data, headers = told[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + data
    expected = base64.b64encode(hmac.new("bí mật".encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
