"""Every kind of question is asked, kept and stored: routes, words, consent, earlier answers, the whole SIPAS."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import select

from survey.config import Settings
from survey.db import Database
from survey.instrument import builtin_instrument, load_instrument
from survey.jobs import close, extract
from survey.keys import Keys
from survey.model.response import Spooled
from survey.model.wave import Wave
from survey.stages import waves
from survey.stages.responses import ORDER_CELL
from survey.web import forms

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
EVERY = load_instrument(Path(__file__).parent / "data" / "every-type.toml")
SIPAS = builtin_instrument("sipas-2022")


@pytest.fixture
def ask(go_to_the_field: Callable[..., Any], database: Database, settings: Settings) -> Callable[[str], str]:
    """Ask a questionnaire instead of the shipped one: `ask(source)` gives a personal link."""
    field = go_to_the_field(database, Keys(settings.keys), NOW)

    def put(source: str) -> str:
        with database.begin() as session:
            wave = session.scalars(select(Wave).where(Wave.audience == "citizens")).one()
            wave.instrument = source
        return f"/k/{field.personal[0]}"

    return put


def stored(database: Database, settings: Settings) -> list[dict[str, Any]]:
    """What waits but for where items stood in their random order (tests/record/test_orders.py)."""
    with database.read() as session:
        rows = session.execute(select(Spooled.wave_id, Spooled.sealed).where(Spooled.cell != ORDER_CELL)).all()
    return [json.loads(Keys(settings.keys).wave(wave).open(sealed)) for wave, sealed in rows]


def text_of(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def chosen(page: ET.Element) -> list[str]:
    return [one.get("id", "") for one in page.iter("input") if one.get("checked") is not None]


def walk(client: Any, link: str, values: dict[str, Any]) -> list[list[str]]:
    """Answer to the end; the names of the controls on each page."""
    pages = []
    response = client.submit(link)
    while response.status_code == 303:
        client.get(response.location)
        names = [one.get("name") for one in client.page.iter() if one.tag in {"input", "textarea"}]
        pages.append(sorted({name for name in names if name not in {"csrf_token", "key", "seen", "next"}}))
        response = client.submit(response.location, {name: values[name] for name in pages[-1] if name in values})
    assert response.status_code == 200
    assert next(client.page.iter("main")).get("data-state") == "done"
    return pages


GIVEN = {
    "S1": "5", "CH": "online", "SRC": ["other", "media"], "SRC~other": " quán nước ", "N": "3", "WEB": "1",
    "WEB2": "counter", "D": "28/2/2026", "T": "tốt", "C": "Cảm ơn <b>cô Lan</b>", "people~consent": "yes",
    "people": "else", "people~else": "Tày", "sex": "counter",
}  # fmt: skip


def test_every_kind_of_question_is_answered_and_stored_where_it_belongs(
    client: Any, ask: Callable[[str], str], database: Database, settings: Settings
) -> None:
    pages = walk(client, ask(EVERY.source), GIVEN)
    assert pages[:3] == [["S1", "S2", "S3"], ["CH", "N", "SRC", "SRC~other"], ["WEB"]]
    kept = stored(database, settings)
    [answer] = [one for one in kept if "unit" in one]
    assert answer["items"] == {
        "S1": "5", "CH": "online", "SRC": "media other", "N": "3", "WEB": "1", "WEB2": "counter"
    }  # fmt: skip
    apart = [one["items"] for one in kept if "unit" not in one]
    assert sorted(apart, key=str) == sorted([
        {"people": "else", "sex": "counter"}, {"people~else": "Tày"}, {"SRC~other": "quán nước"},
        {"D": "2026-02-28"}, {"T": "tốt"}, {"C": "Cảm ơn <b>cô […]</b>"},
    ], key=str)  # fmt: skip


def test_a_question_is_asked_only_of_those_whom_its_route_names(
    client: Any, ask: Callable[[str], str], database: Database, settings: Settings
) -> None:
    link = ask(EVERY.source)
    client.submit(link)
    client.submit(link + "/1", {"S1": "5"})
    assert client.submit(link + "/2", {"CH": "online", "N": "3"}).location == link + "/3"
    client.get(link + "/3")
    assert "Làm theo cách “Trực tuyến”, đi lại 3 lần" in text_of(client.page)
    client.submit(link + "/3", {"WEB": "1"})
    after = client.submit(link + "/2", {"CH": "counter"}).location
    assert after == link + "/4"
    client.get(after)
    assert "WEB2" not in {one.get("name") for one in client.page.iter("input")}
    client.get(link + "/review")
    assert "Làm theo cách" not in text_of(client.page)
    assert client.get(link + "/3").location == link + "/4"
    assert client.post(link + "/review", data=client.form()).status_code == 200
    assert stored(database, settings)[0]["items"] == {"S1": "5", "CH": "counter", "N": "3"}


REFUSALS = [
    ("/1", {}, "#S1-5", "Xin trả lời câu này."),
    ("/2", {"SRC": ["none", "media"]}, "#SRC-media", "Có một ý không chọn cùng"),
    ("/2", {"N": "51"}, "#N-in", "Xin ghi một số từ 1 đến 50."),
    ("/2", {"N": "ba"}, "#N-in", "Xin ghi bằng chữ số"),
    ("/4", {"D": "31/2/2026"}, "#D-in", "Xin ghi ngày, tháng, năm"),
    ("/4", {"C": "a" * 1001}, "#C-in", "Nội dung quá dài"),
]


@pytest.mark.parametrize(("place", "values", "target", "said"), REFUSALS, ids=str)
def test_a_refusal_leads_to_its_question_in_the_readers_words(
    client: Any, ask: Callable[[str], str], place: str, values: dict[str, Any], target: str, said: str
) -> None:
    link = ask(EVERY.source)
    client.submit(link)
    response = client.submit(link + place, values)
    assert response.status_code == 422
    [summary] = [one for one in client.page.iter("div") if one.get("role") == "alert"]
    [problem] = list(summary.iter("a"))
    assert (problem.get("href"), said in text_of(problem)) == (target, True)


def test_words_beside_a_choice_take_the_choice(client: Any, ask: Callable[[str], str]) -> None:
    link = ask(EVERY.source)
    client.submit(link)
    client.submit(link + "/2", {"SRC~other": "ở chợ"})
    client.get(link + "/review")
    assert "Nơi khác: ở chợ" in [text_of(one) for one in client.page.iter("dd")]


def test_a_required_question_left_open_is_asked_before_the_form_is_sent(
    client: Any, ask: Callable[[str], str], database: Database, settings: Settings
) -> None:
    link = ask(EVERY.source)
    client.submit(link)
    assert client.submit(link + "/review").location == link + "/1"
    assert not stored(database, settings)


def test_a_shuffled_page_keeps_its_order_for_the_same_form(client: Any, ask: Callable[[str], str]) -> None:
    link = ask(EVERY.source)
    client.submit(link)
    seen = []
    for _ in range(2):
        client.get(link + "/1")
        seen.append([one.get("name") for one in client.page.iter("input") if one.get("type") == "radio"])
    assert seen[0] == seen[1]
    assert set(seen[0]) == {"S1", "S2", "S3"}


def test_the_whole_sipas_form_runs_on_pages_of_at_most_six_items(
    client: Any, ask: Callable[[str], str], database: Database, settings: Settings
) -> None:
    link = ask(SIPAS.source)
    given: dict[str, Any] = {item.code: item.codes[0] if item.codes else "tốt" for item in SIPAS.items}
    given |= {"Q2": ["internet", "other"], "Q2~other": "cà phê", "ethnicity~consent": "yes"}
    pages = walk(client, link, given)
    sizes = [len([name for name in names if "~" not in name]) for names in pages]
    assert sizes == [4, 6, 4, 4, 6, 4, 4, 5, 3, 3, 4, 4, 3, 4, 5, 4, 4, 0]  # the last one is the review
    kept = stored(database, settings)
    [answer] = [one["items"] for one in kept if "unit" in one]
    assert len([code for code in answer if code in {item.code for item in SIPAS.scored_items}]) == 33
    assert answer["Q2"] == "internet other"
    facts = next(one["items"] for one in kept if "unit" not in one and "sex" in one["items"])
    assert facts["ethnicity"] == "kinh"
    assert {"Q2~other": "cà phê"} in [one["items"] for one in kept]


def test_an_ethnicity_without_its_consent_counts_as_skipped_and_is_not_kept(
    client: Any, ask: Callable[[str], str], database: Database, settings: Settings
) -> None:
    link = ask(SIPAS.source)
    client.submit(link)
    places = {field.name: page.number for page in forms.pages_of(SIPAS, ()) for field in page.fields}
    place = f"{link}/{places['ethnicity']}"
    client.get(place)
    assert "Nếu không đánh dấu, câu trả lời ở câu này sẽ không được ghi nhận." in text_of(client.page)
    assert client.submit(place, {"ethnicity": "kinh", "area": "urban"}).location == link + "/review"
    client.get(place)
    assert chosen(client.page) == ["area-urban"]
    client.submit(place, {"ethnicity": "kinh", "back": "1"})
    client.submit(place, {"ethnicity": "kinh", "switch": "vi"})
    client.get(link + "/review")
    assert "Kinh" not in text_of(client.page)
    client.post(link + "/review", data={**client.form(), "ethnicity": "kinh"})
    assert not [one for one in stored(database, settings) if "ethnicity" in one["items"]]


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_page_that_is_refused_still_shows_a_choice_whose_consent_is_missing(
    client: Any, ask: Callable[[str], str], is_whole: bool
) -> None:
    link = ask(SIPAS.source)
    client.submit(link)
    [number] = [page.number for page in forms.pages_of(SIPAS, ()) if "ethnicity" in page.names]
    client.get(f"{link}/{number}")
    token = client.form()["csrf_token"]
    given = {"csrf_token": token, "ethnicity": "kinh", "area": "nonsense"}
    whole = {"whole": "1", "key": "k" * 32} if is_whole else {}
    shown = client.post(f"{link}/review" if is_whole else f"{link}/{number}", data=given | whole)
    assert (shown.status_code, chosen(client.page)) == (422, ["ethnicity-kinh"])


def test_a_choice_is_taken_back_without_a_script(client: Any, ask: Callable[[str], str]) -> None:
    link = ask(SIPAS.source)
    client.submit(link)
    last = f"{link}/{len(forms.pages_of(SIPAS, ()))}"
    given = {"ethnicity": "kinh", "ethnicity~consent": "yes", "area": "urban", "terrain": "plain"}
    assert client.submit(last, given).location == link + "/review"
    for name in ("ethnicity", "terrain"):
        given = {one: value for one, value in given.items() if one.partition("~")[0] != name}
        client.get(last)
        assert client.post(last, data={**client.form(), "clear": name}).location == last
        client.get(last)
        assert sorted(chosen(client.page)) == sorted(f"{one}-{value}" for one, value in given.items())
    assert client.submit(last, {"clear": "unknown"}).location == last


def test_the_extract_has_several_choices_in_one_cell_and_no_written_word(
    client: Any, ask: Callable[[str], str], database: Database, settings: Settings
) -> None:
    walk(client, ask(EVERY.source), {**GIVEN, "CH": "counter", "S2": "na"})
    keys = Keys(settings.keys)
    close.run(database, keys, "2026-citizens", actor="test", now=NOW)
    with database.read() as session:
        made = extract.build(session, waves.find(session, "2026-citizens"))
    [row] = csv.DictReader(io.StringIO(made.files["answers.csv"].decode()))
    told = {item.code: row[item.code] for item in EVERY.answer_items}
    assert told == {
        "S1": "5", "S2": "", "S3": ".", "CH": "counter", "SRC": "media other", "N": "3",
        "WEB": "", "WEB2": "", "D": "", "T": "", "C": "",
    }  # fmt: skip
