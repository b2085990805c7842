"""A third language is data: a folder with a catalogue, and its words in the questionnaire."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from survey import i18n
from survey.cli.main import hailong
from survey.config import Settings
from survey.db import Database
from survey.instrument import builtin_instrument, load_instrument
from survey.keys import Keys
from survey.stages import waves
from survey.stages.staff import Role

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
TAY = """msgid ""
msgstr ""
"X-Own-Name: Tiếng Tày\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"Content-Type: text/plain; charset=utf-8\\n"

msgid "Start"
msgstr "Tẳng cốc"
"""
KHMER = TAY.replace('"X-Own-Name: Tiếng Tày\\n"\n', "").replace("Tẳng cốc", "ចាប់ផ្ដើម")


def in_three(text: str, code: str) -> str:
    """A questionnaire with a third language beside its English, word for word."""

    def third(found: re.Match[str]) -> str:
        return f'{found[0]}{"," if found[1] else chr(10)}{found[1]}{found[2]}{code} = "[{code}] {found[3]}"'

    text = re.sub(r'( ?)((?:\b[a-z]+\.)?)\ben = "([^"\n]*)"', third, text)
    return text.replace('languages = ["vi", "en"]', f'languages = ["vi", "en", "{code}"]')


@pytest.fixture
def settings(settings: Settings) -> Settings:
    for code, catalogue in (("tyz", TAY), ("km", KHMER)):
        place = settings.translations / code / i18n.CATALOGUE
        place.parent.mkdir(parents=True)
        place.write_text(catalogue, encoding="utf-8")
    return settings


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, settings: Settings) -> Any:
    made = go_to_the_field(database, Keys(settings.keys), NOW)
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        wave.instrument = in_three(builtin_instrument("service-2025").source, "tyz")
    return made


def buttons(page: Any) -> list[str]:
    (group,) = (one for one in page.iter("div") if one.get("class") == "languages")
    return [f"{one.get('value')}: {one.text}" for one in group.iter("button")]


def test_who_reads_a_third_language_answers_in_it_from_the_first_page_to_the_thanks(client: Any, field: Any) -> None:
    link = f"/k/{field.personal[0]}"
    first = client.get(link).text
    assert buttons(client.page) == ["en: English", "tyz: Tiếng Tày"]  # no word of Khmer in this questionnaire
    assert "Bắt đầu" in first
    client.post("/lang", data={**client.form(-1), "lang": "tyz", "next": link})
    first = client.get(link).text
    assert '<html lang="tyz">' in first
    assert "Tẳng cốc" in first
    assert "Khảo sát ý kiến" in first  # what the catalogue lacks is said in Vietnamese
    assert "Sở Xây dựng" in first
    assert "[tyz] " in first  # the whole form comes with it
    client.submit(link)
    client.get(f"{link}/1")
    assert "[tyz] " in "".join(client.page.itertext())
    assert client.submit(f"{link}/1", {"S15": "5", "switch": "km"}).status_code == 303  # a language of the site
    client.get(f"{link}/1")
    assert client.page.get("lang") == "vi"  # which this questionnaire has not
    for name, value in (("S15", "5"), ("switch", "tyz")):
        client.submit(f"{link}/1", {name: value})
    client.get(f"{link}/review")
    assert client.page.get("lang") == "tyz"
    assert client.submit(f"{link}/review").status_code == 200
    assert buttons(client.page) == ["vi: Tiếng Việt", "en: English"]


def test_pages_of_no_questionnaire_offer_every_catalogue_by_its_own_name(client: Any, field: Any) -> None:
    client.get("/")
    assert buttons(client.page) == ["en: English", "km: ខ្មែរ", "tyz: Tiếng Tày"]
    client.get("/published")
    links = [one.get("href") for one in client.page.iter("a") if one.get("hreflang")]
    assert links == ["/published?lang=en", "/published?lang=km", "/published?lang=tyz"]
    client.get("/published?lang=km")
    assert client.page.get("lang") == "km"


def test_staff_may_read_a_third_language_too(signed_in: Callable[..., FlaskClient], field: Any) -> None:
    office = signed_in(*Role)
    office.set_cookie("lang", "tyz")
    for path in ("/staff/", "/help/coordinators", "/results", "/schemes"):
        assert office.get(path).status_code == 200, path


def test_numbers_and_days_follow_the_language_where_unicode_knows_it() -> None:
    assert [i18n.number("1234.5", code, 1) for code in ("vi", "tyz", "en", "km")] == ["1.234,5"] * 2 + ["1,234.5"] * 2
    assert i18n.parse_number("1.234,5", "tyz") == i18n.parse_number("1,234.5", "km")
    assert i18n.date_text(NOW.date(), "tyz") == "10/03/2026"


def test_the_check_of_a_questionnaire_says_which_language_no_page_offers(tmp_path: Path, settings: Settings) -> None:
    form = tmp_path / "mine.toml"
    run = CliRunner(env={"HAILONG_LANGUAGE": "en", "HAILONG_TRANSLATIONS": str(settings.translations)}).invoke
    for code, told in (("tyz", False), ("jra", True)):
        form.write_text(in_three(builtin_instrument("service-2025").source, code), encoding="utf-8")
        assert load_instrument(form).languages == ("vi", "en", code)
        done = run(hailong, ["instrument", "check", str(form)])
        assert done.exit_code == 0
        assert ("No page offers the language jra" in done.output) is told
