"""A first page comes whole, with all that it loads, in what a network brings at once: 14,336 bytes, two requests."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from survey import resources
from survey.config import Settings
from survey.db import Database
from survey.keys import Keys
from survey.stages import recontacts, waves
from survey.web.assets import lean_script, lean_style

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
QUESTIONS = 33
WINDOW, RESERVE = 14_336, 200
FROM_SERVER = len("HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: Sun, 29 Nov 2026 01:07:59 GMT\r\n\r\n")
PACKED = {"Accept-Encoding": "gzip"}
SATISFACTION = re.compile(r'\nfactor = "(?:[A-D]|I|II|III|IV|V)"\n')
LANGUAGES = ("vi", "en")
LONG = "Ban Chỉ đạo cải cách hành chính và Trung tâm Phục vụ hành chính công thành phố Hồ Chí Minh"


@pytest.fixture
def links(go_to_the_field: Callable[..., Any], database: Database, settings: Settings) -> tuple[str, ...]:
    field = go_to_the_field(database, Keys(settings.keys), NOW)
    return f"/k/{field.personal[0]}", f"/q/{field.counter}", f"/k/{field.officials[0]}"


def questionnaires() -> Iterator[str]:
    """The two shipped ones, the 33 questions that peers were measured on, and these with more, question by question."""
    service, whole = (
        resources.data("instruments", f"{code}.toml").read_text(encoding="utf-8")
        for code in ("service-2025", "sipas-2022")
    )
    yield from (service, whole)
    head, *items = whole.split("\n[[item]]")
    asked = [one for one in items if SATISFACTION.search(one)]
    others = [one for one in items if one not in asked and "\nroute" not in one and "{" not in one]
    assert len(asked) == QUESTIONS
    for number in range(0, 36, 3):  # some of them are too long for a first page
        yield "\n[[item]]".join([head, *asked, *others[:number]])


def weight(response: TestResponse) -> int:
    told = sum(len(name) + len(value) + len(": \r\n") for name, value in response.headers.items())
    return FROM_SERVER + told + len(response.data)


def test_a_first_page_with_all_that_it_loads_comes_at_once(
    client: FlaskClient, database: Database, settings: Settings, links: tuple[str, ...]
) -> None:
    with database.begin() as session:  # somebody drawn for a call reads most
        wave = waves.find(session, "2026-citizens")
        recontacts.draw(
            session, wave, Keys(settings.keys), seed=1, share=1.0, document="1/BB, 2/3/2026, A", actor="test", now=NOW
        )
    weights, with_form = [], []
    for number, text in enumerate(questionnaires(), start=10):
        with database.begin() as session:
            wave = waves.find(session, "2026-citizens")
            wave.instrument = text
            wave.settings = {**wave.settings, "sender": dict.fromkeys(LANGUAGES, f"{LONG} {number}")}
        page = client.get(links[0], headers=PACKED)
        shown = gzip.decompress(page.data).decode()
        (loaded,) = re.findall(r'(?:src|href)="(/static/[^"]+)"', shown)
        weights.append(weight(page) + weight(client.get(loaded, headers=PACKED)))
        with_form.append('<template id="form">' in shown)
        assert ("name='compare'" in shown) is with_form[-1]
    assert max(weights) <= WINDOW - RESERVE
    assert with_form[:3] == [True, False, True]  # 71 questions come with the first press
    assert False in with_form[3:]


def test_a_script_and_a_style_say_the_same_without_what_only_their_readers_need() -> None:
    script = '// why\nif (a) { // more\n  b(`/k//${c}`); // and more\n\n  // d\n  e("// no");\n}\n'
    assert lean_script(script) == 'if (a) {\nb(`/k//${c}`);\ne("// no");\n}\n'
    style = (
        "/* why */\n.a > b,\ni :focus { color: red; margin: 0 -1px }\n@media print {\n  .d { left: min(1%, 5vw) }\n}\n"
    )
    assert lean_style(style) == ".a>b,i :focus{color:red;margin:0 -1px}@media print{.d{left:min(1%,5vw)}}"
