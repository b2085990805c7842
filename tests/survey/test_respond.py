"""Citizens and officials answer: nothing is used up by looking, nothing given is lost, nothing wrong is stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select

from survey.app import create_app
from survey.config import Settings
from survey.db import Database
from survey.errors.common import DatabaseUnavailable
from survey.keys import Keys
from survey.model.draft import Draft
from survey.model.invitation import Invitation
from survey.model.response import Spooled
from survey.model.sample import ClassCell
from survey.model.tables import METADATA
from survey.model.wave import Wave
from survey.stages import board, waves

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
FIRST_PAGE = {"S15": "5", "S16": "4", "S17": "na", "S18": "1"}
MARKS = re.compile("[ăâđêôơưĂÂĐÊÔƠƯạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]")
ENGLISH = re.compile(r"\b(the|you|your|of|and|this|please|unit|page)\b", re.IGNORECASE)


@pytest.fixture
def keys(settings: Settings) -> Keys:
    return Keys(settings.keys)


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, keys: Keys) -> Any:
    return go_to_the_field(database, keys, NOW)


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with database.read() as session:
        return {
            table.name: sorted(map(tuple, session.execute(select(table))), key=repr) for table in METADATA.sorted_tables
        }


def stored(database: Database, keys: Keys) -> list[dict[str, Any]]:
    """The answers and facts that wait, opened with the wave's key."""
    with database.read() as session:
        rows = session.execute(select(Spooled.wave_id, Spooled.sealed)).all()
    return [json.loads(keys.wave(wave).open(sealed)) for wave, sealed in rows]


def counted(database: Database) -> dict[tuple[str, str], int]:
    """How many forms each cell of the board counts, by mode."""
    return {(cell, mode): completed for _wave, cell, mode, completed in everything(database)["tally"]}


def main_text(client: Any) -> str:
    main = next(client.page.iter("main"))
    return " ".join("".join(main.itertext()).split())


def text_of(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def checked(client: Any) -> dict[str, str]:
    """The choices that stand on the page."""
    return {one.get("name"): one.get("value") for one in client.page.iter("input") if "checked" in one.attrib}


def answer_all(client: Any, link: str, values: dict[str, str] | None = None) -> Any:
    """Walk from the first page to the end, giving these values on the pages that ask for them."""
    response = client.submit(link)
    while response.status_code == 303:
        page = response.location
        client.get(page)
        asked = {one.get("name") for one in client.page.iter("input") if one.get("type") == "radio"}
        response = client.submit(page, {name: value for name, value in (values or {}).items() if name in asked})
    return response


def test_opening_a_link_fifty_times_changes_nothing(app: Flask, field: Any, database: Database) -> None:
    before = everything(database)
    for link in (f"/k/{field.personal[0]}", f"/k/{field.officials[0]}", f"/q/{field.counter}"):
        for _ in range(50):
            browser = app.test_client()
            assert browser.get(link).status_code == 200
            assert FlaskClient(app).head(link).status_code == 200
        assert app.test_client().get(link + "/1").status_code == 303
    app.test_client().get(f"/k/{field.personal[0]}/not-mine")
    assert everything(database) == before


def test_an_answer_is_kept_whole_with_the_facts_apart(client: Any, field: Any, database: Database, keys: Keys) -> None:
    response = answer_all(client, f"/k/{field.personal[0]}", {**FIRST_PAGE, "A1": "on_time", "sex": "F", "age": "60"})
    assert response.status_code == 200
    assert next(client.page.iter("main")).get("data-state") == "done"
    answer, facts = sorted(stored(database, keys), key=lambda one: "unit" not in one)
    assert answer == {"phase": 1, "mode": "link", "unit": "98-01", "items": FIRST_PAGE}
    assert facts == {"phase": 1, "items": {"A1": "on_time", "sex": "F", "age": "60"}}
    assert not everything(database)["draft"]


def test_an_empty_and_a_full_form_get_the_same_receipt(app: Flask, field: Any) -> None:
    one, other = app.test_client(), app.test_client()
    empty = answer_all(one, f"/k/{field.personal[0]}")
    full = answer_all(other, f"/k/{field.personal[1]}", {**FIRST_PAGE, "sex": "M"})
    texts = [re.sub("[0-9a-z]{4}(-[0-9a-z]{4}){2}", "", main_text(client)) for client in (one, other)]
    assert texts[0] == texts[1]  # but for the code, which follows from the sending
    assert (empty.status_code, len(empty.data)) == (full.status_code, len(full.data))


def test_every_closed_link_shows_the_same_page(app: Flask, field: Any, settings: Settings, database: Database) -> None:
    answer_all(app.test_client(), f"/k/{field.personal[0]}")
    late = create_app(settings, database=database, clock=lambda: field.closes)
    late.test_client_class = app.test_client_class
    asked = [
        (app, f"/k/{field.personal[0]}"), (app, "/k/0000000000000"), (app, "/k/' OR 1=1--"), (app, "/q/x"),
        (app, f"/k/{field.counter}"), (app, f"/q/{field.personal[1]}"), (app, f"/k/{field.personal[0]}/1"),
        (late, f"/k/{field.personal[1]}"), (late, f"/q/{field.counter}"), (late, f"/k/{field.officials[0]}"),
    ]  # fmt: skip
    texts = set()
    for site, path in asked:
        browser: Any = site.test_client()
        response = browser.get(path)
        assert response.status_code == 410, path
        assert next(browser.page.iter("main")).get("data-state") == "closed"
        texts.add(re.sub(r'value="[^"]*"', "", response.text))
        assert browser.post(path).status_code == 410
    assert len(texts) == 1


BAD = [
    {"S15": "6"}, {"S15": "５"}, {"S15": "NaN"}, {"S15": ["5", "4"]}, {"S19": "5"}, {"L1": "5"}, {"sex": "F"},
    {"weight": "99"}, {"role": "admin"}, {"is_valid": "1"}, {"98-02:L1": "5"},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_the_page_does_not_offer_is_refused_and_the_rest_stays(
    client: Any, field: Any, database: Database, bad: dict[str, Any]
) -> None:
    page = client.submit(f"/k/{field.personal[0]}").location
    client.submit(page, {"S16": "2"})
    before = everything(database)
    response = client.submit(page, {"S17": "3", **bad})
    assert response.status_code == 422
    assert everything(database) == before
    assert checked(client) == {"S16": "2", "S17": "3"}
    summary = next(one for one in client.page.iter("div") if one.get("role") == "alert")
    assert "autofocus" in summary.attrib
    links = [one.get("href") for one in summary.iter("a")]
    assert links == (["#S15-5"] if "S15" in bad else [])


def test_a_body_over_64_kib_is_refused_and_the_answers_stay(client: Any, field: Any, database: Database) -> None:
    page = client.submit(f"/k/{field.personal[0]}").location
    client.submit(page, {"S16": "2"})
    before = everything(database)
    response = client.submit(page, {"S15": "5" * 70_000})
    assert response.status_code == 413
    assert checked(client) == {"S16": "2"}
    assert everything(database) == before


def test_a_form_without_its_token_is_shown_again_with_its_answers(client: Any, field: Any, database: Database) -> None:
    page = client.submit(f"/k/{field.personal[0]}").location
    before = everything(database)
    assert client.post(page, data={"S15": "4"}).status_code == 400
    assert checked(client) == {"S15": "4"}
    assert everything(database) == before
    assert client.post(page, data=client.form()).status_code == 303
    assert client.post(f"/k/{field.personal[1]}").status_code == 400
    assert everything(database)["draft"] != before["draft"]


def test_back_keeps_the_answers_of_the_page(client: Any, field: Any) -> None:
    link = f"/k/{field.personal[0]}"
    second = client.submit(client.submit(link).location, FIRST_PAGE).location
    first = client.submit(second, {"S19": "3", "back": "1"}).location
    assert client.get(first).status_code == 200
    assert checked(client) == FIRST_PAGE
    client.get(second)
    assert checked(client) == {"S19": "3"}
    assert client.submit(first, {"back": "1"}).location == link


def test_switching_the_language_keeps_what_is_on_the_page(client: Any, field: Any) -> None:
    page = client.submit(f"/k/{field.personal[0]}").location
    for language in ("en", "vi", "en"):
        response = client.submit(page, {"S15": "5", "switch": language})
        assert response.location == page
        client.get(page)
        assert client.page.get("lang") == language
        assert checked(client) == {"S15": "5"}
    assert client.submit(page, {"switch": "../../etc"}).status_code == 400


def test_a_citizen_goes_on_on_another_phone_and_an_official_does_not(app: Flask, field: Any) -> None:
    citizen, official = f"/k/{field.personal[0]}", f"/k/{field.officials[0]}"
    browser: Any = app.test_client()
    browser.submit(browser.submit(citizen).location, FIRST_PAGE)
    browser.submit(browser.submit(official).location)
    other: Any = app.test_client()
    assert other.submit(citizen).location == citizen + "/2"
    assert other.submit(official).location == official + "/1"
    other.get(citizen + "/1")
    assert checked(other) == FIRST_PAGE


def test_an_official_goes_on_in_the_same_browser(client: Any, field: Any) -> None:
    link = f"/k/{field.officials[0]}"
    page = client.submit(link).location
    client.get(page)
    names = sorted({one.get("name") for one in client.page.iter("input") if one.get("type") == "radio"})
    client.submit(page, dict.fromkeys(names, "4"))
    assert client.submit(link).location == link + "/2"
    client.get(page)
    assert checked(client) == dict.fromkeys(names, "4")


def test_officials_judge_a_block_without_their_own_agency(
    client: Any, field: Any, database: Database, keys: Keys
) -> None:
    link = f"/k/{field.officials[0]}"
    client.get(link)
    assert "2 đơn vị" in main_text(client)
    page = client.submit(link).location
    units = []
    for number in (1, 1, 2, 2):
        client.get(page)
        assert f"Đơn vị {number}/2: " in main_text(client)
        assert "Không đủ thông tin để đánh giá" in main_text(client)
        names = {one.get("name") for one in client.page.iter("input") if one.get("type") == "radio"}
        units.append({name.split(":")[0] for name in names})
        assert len(names) <= 6
        response = client.submit(page, {sorted(names)[0]: "4"})
        page = response.location
    client.submit(page)
    assert next(client.page.iter("main")).get("data-state") == "done"
    assert units[0] == units[1] != units[2] == units[3]
    assert stored(database, keys)[0]["items"] == {f"98-0{unit}:L{item}": "4" for unit in (1, 2) for item in (1, 5)}


def test_the_same_sending_twice_is_thanked_twice_and_stored_once(
    client: Any, field: Any, database: Database, keys: Keys
) -> None:
    link = f"/k/{field.personal[0]}"
    client.submit(client.submit(link).location, FIRST_PAGE)
    client.submit(link + "/6", {"sex": "F"})
    last = link + "/review"
    client.get(last)
    body = client.form()
    receipts = [client.post(last, data=body).text for _ in range(5)]
    assert len({re.sub(r'value="[^"]*"', "", text) for text in receipts}) == 1
    assert len(stored(database, keys)) == 2  # the answer and, apart, the facts
    assert client.post(last, data={**body, "seen": "others"}).status_code == 409
    assert client.post(last, data={**body, "key": "another"}).status_code == 410
    assert len(stored(database, keys)) == 2


def test_the_receipt_speaks_the_other_language_too(client: Any, field: Any) -> None:
    answer_all(client, f"/k/{field.personal[0]}")
    response = client.post(f"/k/{field.personal[0]}/review", data={**client.form(), "switch": "en"})
    assert response.status_code == 200
    assert "Thank you" in main_text(client)
    assert next(client.page.iter("main")).get("data-state") == "done"


def test_a_form_whose_draft_is_gone_is_not_sent_empty(client: Any, field: Any, database: Database, keys: Keys) -> None:
    link = f"/k/{field.personal[0]}"
    last = link + "/6"
    client.submit(link)
    client.get(last)
    body = {**client.form(), "sex": "F"}
    client.get(link + "/review")
    review = client.form()
    with database.begin() as session:
        session.execute(delete(Draft))
    assert client.post(link + "/review", data=review).location == link
    response = client.post(last, data=body)
    assert response.location == link + "/1"
    assert not stored(database, keys)
    client.get(last)
    assert checked(client) == {"sex": "F"}


def test_the_review_shows_every_answer_in_words_with_a_way_back_to_its_part(client: Any, field: Any) -> None:
    link = f"/k/{field.personal[0]}"
    client.submit(client.submit(link).location, FIRST_PAGE)
    client.submit(link + "/6", {"age": "60"})
    client.get(link + "/review")
    replies = [text_of(one) for one in client.page.iter("dd")]
    assert replies[:4] == ["Rất hài lòng", "Hài lòng", "Không áp dụng", "Rất không hài lòng"]
    assert "Từ 60 trở lên" in replies
    assert replies.count("Chưa trả lời") == 25 - 5
    changes = [one.get("href") for one in client.page.iter("a") if one.get("href", "").startswith(link)]
    assert changes == [f"{link}/{number}" for number in range(1, 7)]
    assert client.submit(link + "/review", {"back": "1"}).location == link + "/6"


def test_what_was_changed_in_another_window_is_looked_through_again(
    client: Any, field: Any, database: Database, keys: Keys
) -> None:
    link = f"/k/{field.personal[0]}"
    client.submit(client.submit(link).location, FIRST_PAGE)
    client.get(link + "/review")
    body = client.form()
    client.submit(link + "/1", {"S15": "1"})
    response = client.post(link + "/review", data=body)
    assert response.status_code == 409
    assert "cửa sổ khác" in main_text(client)
    assert not stored(database, keys)
    assert client.post(link + "/review", data=client.form()).status_code == 200
    assert stored(database, keys)[0]["items"]["S15"] == "1"


@pytest.mark.parametrize("place", ["/1", "/review", ""])
def test_larger_letters_and_strong_contrast_keep_what_is_on_the_page(client: Any, field: Any, place: str) -> None:
    link = f"/k/{field.personal[0]}"
    client.submit(client.submit(link).location, FIRST_PAGE)
    for wish, classes in (("larger", "size-2"), ("contrast", "size-2 contrast"), ("normal", "contrast")):
        client.get(link + place)
        values = {"look": wish} | ({"S15": "2"} if place == "/1" else {})
        response = client.submit(link + place, values, form=0 if place else 1)
        assert response.location == link + place
        client.get(link + place)
        assert client.page.get("class") == classes
    client.get(link + "/1")
    assert checked(client) == FIRST_PAGE | ({"S15": "2"} if place == "/1" else {})


def test_the_wrong_person_ends_the_link_by_two_presses(client: Any, field: Any, database: Database) -> None:
    link = f"/k/{field.personal[0]}"
    question = client.submit(link, {"action": "wrong_person"}).location
    assert client.submit(question).status_code == 200
    assert next(client.page.iter("main")).get("data-state") == "declined"
    assert client.get(link).status_code == 410
    with database.read() as session:
        states = select(func.count()).where(Invitation.state == "wrong_person")
        assert session.scalar(states) == 1
        assert session.scalar(select(ClassCell.wrong_person).where(ClassCell.unit_code == "98-01")) == 1


def test_only_a_citizens_own_link_asks_for_the_wrong_person(client: Any, field: Any) -> None:
    for link in (f"/q/{field.counter}", f"/k/{field.officials[0]}"):
        assert "Tôi không phải" not in client.get(link).text
        assert client.submit(link, {"action": "wrong_person"}).location == link + "/1"
    assert client.get(f"/k/{field.officials[0]}/not-mine").status_code == 303


def test_a_counter_holds_a_place_for_an_open_form_and_is_full_for_the_next(app: Flask, field: Any) -> None:
    link = f"/q/{field.small_counter}"
    one, other = app.test_client(), app.test_client()
    page = one.submit(link).location
    assert other.submit(link).status_code == 200
    assert next(other.page.iter("main")).get("data-state") == "full"
    one.submit(page, FIRST_PAGE)
    one.submit(link + "/review")
    assert next(one.page.iter("main")).get("data-state") == "done"
    other.submit(link)
    assert next(other.page.iter("main")).get("data-state") == "full"


def test_a_place_left_for_half_an_hour_goes_to_the_next(
    app: Flask, field: Any, settings: Settings, database: Database
) -> None:
    link = f"/q/{field.small_counter}"
    slow, quick = app.test_client(), None
    page = slow.submit(link).location
    later = create_app(settings, database=database, clock=lambda: NOW + timedelta(minutes=31))
    later.test_client_class = app.test_client_class
    quick = later.test_client()
    assert answer_all(quick, link, FIRST_PAGE).status_code == 200
    assert next(quick.page.iter("main")).get("data-state") == "done"
    slow.submit(page, FIRST_PAGE)
    assert next(slow.page.iter("main")).get("data-state") == "full"
    assert counted(database) == {("98-02", "counter"): 1, ("98-02", "late"): 1}
    slow.submit(page, FIRST_PAGE)
    slow.submit(link)
    assert counted(database)[("98-02", "late")] == 1


def test_a_form_that_is_finished_too_late_is_thanked_and_counted_not_stored(
    app: Flask, field: Any, settings: Settings, database: Database, keys: Keys
) -> None:
    link = f"/q/{field.small_counter}"
    slow: Any = app.test_client()
    slow.submit(slow.submit(link).location, FIRST_PAGE)
    slow.get(link + "/review")
    later = create_app(settings, database=database, clock=lambda: NOW + timedelta(minutes=31))
    later.test_client_class = app.test_client_class
    answer_all(later.test_client(), link, FIRST_PAGE)
    before = len(stored(database, keys))
    for _ in range(2):
        slow.post(link + "/review", data=slow.form())
    assert "Cảm ơn" in main_text(slow)
    assert counted(database) == {("98-02", "counter"): 1, ("98-02", "late"): 1}
    assert len(stored(database, keys)) == before
    with database.read() as session:
        [line] = [one for one in board.progress(session, waves.find(session, "2026-citizens")) if one.code == "98-02"]
    assert (line.completed, line.counter) == (0, 1)


def test_the_next_person_on_a_shared_phone_starts_a_new_form(app: Flask, field: Any, database: Database) -> None:
    link = f"/q/{field.small_counter}"
    phone: Any = app.test_client()
    page = phone.submit(link).location
    phone.submit(page, FIRST_PAGE)
    before = everything(database)["draft"]
    phone.get(link)
    assert [text_of(one) for one in next(phone.page.iter("form")).iter("button")] == [
        "Tiếp tục phiếu đang làm",
        "Bắt đầu phiếu mới",
    ]
    assert phone.submit(link).location == link + "/2"
    assert phone.submit(link, {"action": "new"}).location == page
    phone.get(page)
    assert checked(phone) == {}
    [(mark, *_rest)] = everything(database)["draft"]
    assert mark not in {row[0] for row in before}
    [(held, *_rest)] = everything(database)["reservation"]
    assert held == mark
    assert answer_all(phone, link, FIRST_PAGE).status_code == 200
    assert next(phone.page.iter("main")).get("data-state") == "done"


def test_only_a_counter_starts_anew(client: Any, field: Any, database: Database) -> None:
    for link in (f"/k/{field.personal[0]}", f"/k/{field.officials[0]}"):
        client.submit(link)
        before = everything(database)["draft"]
        client.get(link)
        assert "phiếu mới" not in main_text(client)
        client.submit(link, {"action": "new"})
        assert everything(database)["draft"] == before


def test_a_busy_site_gives_back_what_was_posted_for_another_try(
    app: Flask, client: Any, field: Any, database: Database, keys: Keys
) -> None:
    link = f"/k/{field.personal[0]}"
    page = client.submit(link).location
    client.get(page)
    usual = app.view_functions["respond.answer"]

    def busy(**_values: object) -> None:
        raise DatabaseUnavailable(reason="locked")

    app.view_functions["respond.answer"] = busy
    response = client.post(page, data={**client.form(), **FIRST_PAGE, "back": '"><b>&'})
    assert (response.status_code, "Retry-After" in response.headers) == (503, True)
    assert "<b>" not in response.text
    assert {**FIRST_PAGE, "back": '"><b>&'}.items() <= client.form().items()
    [form] = client.page.iter("form")
    assert (form.get("method"), form.get("action")) == ("post", page)
    assert text_of(next(form.iter("button"))) == "Gửi lại"
    app.view_functions["respond.answer"] = usual
    again = {name: value for name, value in client.form().items() if name != "back"}
    assert client.post(page, data=again).location == link + "/2"
    client.get(page)
    assert checked(client) == FIRST_PAGE


def test_the_draft_of_a_counter_is_found_by_a_cookie_of_its_own_path(client: Any, field: Any) -> None:
    link = f"/q/{field.counter}"
    response = client.submit(link)
    cookie = next(one for one in response.headers.getlist("Set-Cookie") if one.startswith("draft="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert f"Path={link}" in cookie
    assert "Max-Age=86400" in cookie
    last = answer_all(client, link, FIRST_PAGE)
    gone = next(one for one in last.headers.getlist("Set-Cookie") if one.startswith("draft="))
    assert "Max-Age=0" in gone
    assert client.get(link + "/1").location == link


def test_a_personal_link_of_a_citizen_sets_no_cookie_for_its_draft(client: Any, field: Any) -> None:
    response = client.submit(f"/k/{field.personal[0]}")
    assert not [one for one in response.headers.getlist("Set-Cookie") if one.startswith("draft=")]


def test_no_page_tells_who_was_invited_for_what(client: Any, field: Any) -> None:
    seen: list[str] = []
    for link in (f"/k/{field.personal[0]}", f"/q/{field.counter}", f"/k/{field.officials[0]}"):
        seen.append(client.get(link).text)
        response = client.submit(link)
        while response.status_code == 303:
            seen.append(client.get(response.location).text)
            response = client.submit(response.location)
        seen.append(response.text)
    assert len(seen) == 9 + 9 + 7  # first, pages, review, receipt
    for text in seen:
        assert not re.search("0912345678|912 ?345|HS-|1\\.004203|98-01\\|all|HDND", text)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_no_page_mixes_the_languages(client: Any, field: Any, language: str) -> None:
    client.set_cookie("lang", language)
    texts = []

    def read(path: str) -> None:
        client.get(path)
        for group in list(client.page.iter("div")):
            if group.get("role") == "group":
                group.clear()
        for code in [*client.page.iter("style"), *client.page.iter("script")]:
            code.clear()
        texts.append(" ".join("".join(client.page.itertext()).split()))

    for link in (f"/k/{field.personal[0]}", f"/q/{field.counter}", f"/k/{field.officials[0]}"):
        read(link)
        response = client.submit(link)
        while response.status_code == 303:
            read(response.location)
            response = client.submit(response.location)
        texts.append(main_text(client))
    read(f"/k/{field.personal[1]}/not-mine")
    read("/k/unknown")
    for text in texts:
        assert not (MARKS if language == "en" else ENGLISH).search(text)


def test_without_a_telephone_number_the_sentence_is_left_out(client: Any, field: Any, database: Database) -> None:
    link = f"/k/{field.personal[0]}"
    assert "0299 3 123 456" in client.get(link).text
    with database.begin() as session:
        for wave in session.scalars(select(Wave)):
            wave.settings = {name: value for name, value in wave.settings.items() if name != "contact"}
    assert "Cần kiểm tra" not in client.get(link).text
