"""What survey tools have fallen to, tried on the respondents' pages: hostile words, places, cookies and floods."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from survey.config import Settings
from survey.db import Database
from survey.instrument import load_instrument
from survey.keys import ALPHABET, CODE_LENGTH, Keys
from survey.model.draft import Draft
from survey.model.response import SpentMark, Spooled, Tally
from survey.model.tables import METADATA
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import waves

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
EVERY = load_instrument(Path(__file__).parent / "data" / "every-type.toml")
WORDS = (
    '"><svg/onload=alert(1)>', "<script>alert(1)</script>", "{{7*7}} {{config}} ${7*7} %(secret)s {0.__class__}",
    "javascript:alert(1)", "</dd></dl><h1>Tôi</h1>", "\u202eđảo ngược", "🙈𠀋", "ca\u0302u ho\u0309i", "=HYPERLINK(1)",
    "' OR 1=1--",
)  # fmt: skip
ONCE = re.compile(r'(?:nonce|value|content)="[^"]{20,}"|\?v=\w+')
TABLES: tuple[Any, ...] = (Tally, SpentMark, Spooled, Draft)
INJECTED = ("' OR 1=1--", "x'; select pg_sleep(5)--", "1; drop table draft", "%00", "../../etc/passwd", "%27%20or%201")
GUESSES_A_SECOND, LINKS_OUT = 1000, 100_000


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, settings: Settings) -> Any:
    return go_to_the_field(database, Keys(settings.keys), NOW)


def everything(database: Database) -> dict[str, list[Any]]:
    with database.read() as session:
        return {
            table.name: sorted(map(tuple, session.execute(select(table))), key=repr) for table in METADATA.sorted_tables
        }


def shown(client: Any) -> str:
    return " ".join("".join(next(client.page.iter("main")).itertext()).split())


@pytest.mark.parametrize("words", WORDS)
def test_hostile_words_are_shown_as_words_in_questions_and_review(
    client: Any, field: Any, database: Database, words: str
) -> None:
    """The page check of `client` finds markup, inline code and addresses that came from outside."""
    with database.begin() as session:
        session.scalars(select(Wave).where(Wave.audience == "citizens")).one().instrument = EVERY.source
    link, values = f"/k/{field.personal[0]}", {"S1": "5", "SRC": "other", "SRC~other": words, "T": words, "C": words}
    response = client.submit(link)
    while response.location and not response.location.endswith("review"):
        client.get(response.location)
        asked = {one.get("name") for one in client.page.iter() if one.tag in {"input", "textarea"}}
        response = client.submit(response.location, {name: values[name] for name in asked if name in values})
    client.get(link + "/review")
    whole = " ".join(words.split()).replace("ca\u0302u ho\u0309i", "câu hỏi").replace("\u202e", "")
    assert shown(client).replace("\u202e", "").count(whole) == 3
    assert client.submit(link + "/review").status_code == 200


def test_hostile_names_are_shown_as_words_on_the_first_page(client: Any, field: Any, database: Database) -> None:
    with database.begin() as session:
        session.get_one(Unit, "98-01").name_vi = WORDS[0]
        session.get_one(Unit, "98").name_vi = WORDS[1]
        for wave in session.scalars(select(Wave)):
            wave.settings = wave.settings | {"contact": {"vi": WORDS[2], "en": WORDS[2]}}
    client.get(f"/k/{field.personal[0]}")
    assert all(words in shown(client) for words in WORDS[:3])


@pytest.mark.parametrize("text", INJECTED)
def test_a_place_or_cookie_that_carries_a_query_finds_nothing(
    app: Flask, field: Any, database: Database, text: str
) -> None:
    before, began = everything(database), time.monotonic()
    for address in (f"/k/{text}", f"/q/{text}", f"/k/{text}/1", f"/q/{text}/review", f"/k/{field.personal[0]}/{text}"):
        assert app.test_client().get(address).status_code in {404, 410}, address
    for name in ("lang", "look", "draft", "form"):
        browser = app.test_client()
        browser.set_cookie(name, text)
        page = browser.get(f"/q/{field.counter}")
        assert page.status_code == 200
        assert 'lang="vi"' in page.text
    assert everything(database) == before
    assert time.monotonic() - began < 4


def test_a_code_is_too_long_to_be_guessed() -> None:
    """In a fortnight's wave the hope to meet any link that is out stays under one in a hundred."""
    guesses = GUESSES_A_SECOND * 14 * 86_400
    assert guesses * LINKS_OUT / len(ALPHABET) ** CODE_LENGTH < 0.01


def test_an_address_that_somebody_claims_to_have_changes_nothing(app: Flask, field: Any) -> None:
    """Nobody is counted or throttled by address, so that none can be made up to get round it, or to lock others out."""
    for number in range(60):
        claimed = {"X-Forwarded-For": f"203.0.113.{number % 3}", "Forwarded": "for=203.0.113.9", "X-Real-IP": "::1"}
        assert app.test_client().get(f"/k/{'0' * CODE_LENGTH}", headers=claimed).status_code == 410
    assert app.test_client().get(f"/k/{field.personal[0]}").status_code == 200


def test_one_browsers_draft_is_opened_by_no_other_place(app: Flask, field: Any) -> None:
    """The secret of a citizen's form opens nothing at an official's link, nor an official's at another one's."""
    browser: Any = app.test_client()
    browser.submit(browser.submit(f"/q/{field.counter}").location, {"S15": "5"})
    secret = browser.get_cookie("draft", path=f"/q/{field.counter}").value
    for link in (f"/k/{field.officials[0]}", f"/k/{field.officials[1]}"):
        thief: Any = app.test_client()
        thief.set_cookie("draft", secret, path=link)
        assert thief.get(f"{link}/1").location == link
        assert thief.get(f"{link}/review").location == link


def test_the_receipt_names_nothing_but_that_it_was_received(client: Any, field: Any) -> None:
    link = f"/k/{field.personal[0]}"
    response = client.submit(link)
    while response.location:
        response = client.submit(response.location)
    told = shown(client)
    assert told.startswith("Cảm ơn Ông/Bà Ý kiến của Ông/Bà đã được ghi nhận. Ông/Bà có thể đóng trang này.")
    assert not re.search("S15|98-|Sở ", told)  # beside it a code that reveals nothing
    assert client.get(link + "/receipt").status_code == 404


def answer_all(client: Any, link: str) -> tuple[list[str], dict[str, str]]:
    """Every page of an official's form as it came, without what differs at each visit, and what was sent last."""
    shown = [
        client.get(link).text,
        *(str(client.get(link + place).location) for place in ("/1", "/review", "/not-mine")),
    ]
    place = client.submit(link).location
    while True:
        shown.append(client.get(place).text)
        body = client.form()
        response = client.post(place, data=body)
        shown.append(f"{response.status_code} {response.location} {sorted(response.headers.keys())}")
        if response.status_code == 200:
            break
        place = response.location
    shown += [response.text, client.get(link).text]
    return [ONCE.sub("", one) for one in shown], body


def test_who_reads_an_officials_mailbox_cannot_try_whether_the_link_was_used(
    app: Any, field: Any, database: Database
) -> None:
    """Attack: the superior opens the link in a clean browser, looks at every page and sends the form as well."""
    link = f"/k/{field.officials[0]}"
    first, body = answer_all(app.test_client(), link)
    with database.read() as session:
        kept = [session.execute(select(table.__table__)).all() for table in TABLES]
    second = answer_all(app.test_client(), link)[0]
    assert len(first) > 10
    assert first == second
    assert "chỉ tính phiếu gửi đầu tiên" in first[-2]
    with database.read() as session:
        assert kept == [session.execute(select(table.__table__)).all() for table in TABLES]
    again = app.test_client()
    again.get(link)
    body |= {"csrf_token": again.form()["csrf_token"]}
    assert again.post(link + "/review", data=body).status_code == 200
    assert again.post(link + "/review", data={**body, "more": "1"}).status_code == 409


def test_a_form_of_a_thousand_parts_is_refused_quickly(client: Any, field: Any, database: Database) -> None:
    page = client.submit(f"/k/{field.personal[0]}").location
    client.get(page)
    before, token = everything(database), client.form()["csrf_token"]
    parts = {f"x{number}": "1" for number in range(1001)}
    began = time.monotonic()
    assert client.post(page, data=parts | {"csrf_token": token}).status_code == 422
    refused = client.post(page, data=parts | {"csrf_token": token}, content_type="multipart/form-data")
    assert refused.status_code in {400, 413}
    assert time.monotonic() - began < 3
    assert everything(database) == before


def test_five_hundred_open_forms_take_no_place_of_others(client: Any, field: Any, database: Database) -> None:
    """Opening changes nothing, and a form that was begun holds one place of its poster for half an hour at the most."""
    for _ in range(500):
        assert client.get(f"/q/{field.counter}").status_code == 200
    with database.read() as session:
        assert waves.find(session, "2026-citizens").state == waves.OPEN
    assert client.submit(f"/q/{field.small_counter}").status_code == 303


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_no_button_of_a_form_leads_to_another_site(client: Any, field: Any, target: str) -> None:
    link = f"/k/{field.personal[0]}"
    for values in ({"switch": "en", "next": target}, {"look": "larger", "next": target}, {"back": target}):
        response = client.submit(f"{link}/1" if client.submit(link).location else link, values)
        assert (response.location or link).startswith(link)
