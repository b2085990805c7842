"""What authors of questionnaires have: a check that names every fault, and a preview in both languages."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from survey.cli.main import hailong
from survey.config import Settings
from survey.db import Database
from survey.instrument import builtin_instruments
from survey.keys import Keys
from survey.stages import waves

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
EVERY = Path(__file__).parent / "data" / "every-type.toml"
FAULTS = [
    ('route = { item = "CH"', 'route = { item = "C"', "item[7].route.item", "not_earlier"),
    ("{CH}", "{SRC}", "item[7].text.vi", "unfit"),
    ("{CH}", "{ZZ}", "item[7].text.vi", "not_earlier"),
    ("max = 50\n", "", "item[6].max", "missing"),
    ("max = 50\n", "max = 0\n", "item[6].max", "out_of_range"),
    ("min = 1\nmax = 50\n", "min = 30\nmax = 20\n", "item[6].max", "out_of_range"),
    ("max = 50\n", "max = 1000000000\n", "item[6].max", "out_of_range"),
    ('text = { vi = "Tại quầy"', 'text = { vi = "Tại {CH}"', "options[2].choices[2].text.vi", "unfit"),
    ('na = { vi = "Không áp dụng"', 'na = { vi = "Không {CH}"', "options[1].na.vi", "unfit"),
    ("max = 50\n", 'max = 50\nhint = { vi = "{CH}", en = "Times" }\n', "item[6].hint.vi", "unfit"),
    ('code = "MORE"\n', 'code = "MORE"\nlead = { vi = "Thêm", en = "{fee}" }\n', "factor[2].lead.en", "unfit"),
    ("shuffle = true", 'shuffle = "yes"', "factor[1].shuffle", "wrong_type"),
    ('fact = true\ntext', 'fact = true\nroute = { item = "CH", choices = ["online"] }\ntext', "item[13].route.item",
     "unfit"),
]  # fmt: skip


def check(file: Path, *options: str, language: str = "vi") -> Any:
    return CliRunner(env={"HAILONG_LANGUAGE": language}).invoke(hailong, ["instrument", "check", str(file), *options])


def test_a_sound_file_ends_with_0_and_says_what_is_in_it() -> None:
    done = check(EVERY, "--json")
    told = json.loads(done.output)
    assert done.exit_code == 0
    assert (told["sound"], told["code"], told["items"], told["facts"]) == (True, "every-type", 13, 2)


@pytest.mark.parametrize(("old", "new", "where", "reason"), FAULTS, ids=[fault[2] for fault in FAULTS])
def test_a_fault_is_named_by_table_and_key(tmp_path: Path, old: str, new: str, where: str, reason: str) -> None:
    text = EVERY.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "mine.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    done = check(tmp_path / "mine.toml", "--json")
    told = json.loads(done.output)
    assert done.exit_code == 1
    assert [(f"{one['place']}.{one['key']}", one["reason"]) for one in told["faults"]] == [(where, reason)]


def test_no_question_takes_in_what_somebody_may_have_written(tmp_path: Path) -> None:
    text = EVERY.read_text(encoding="utf-8").replace('en = "At the counter" }', 'en = "At the counter" }, other = true')
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    told = json.loads(check(tmp_path / "mine.toml", "--json").output)["faults"]
    assert {(one["place"], one["detail"]) for one in told} == {("item[7]", "{CH}")}


def test_faults_are_told_in_the_readers_language(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(EVERY.read_text(encoding="utf-8").replace('version = "1"\n', ""), "utf-8")
    assert check(tmp_path / "mine.toml").output.startswith("mine.toml: version: ")
    assert check(tmp_path / "mine.toml", language="en").output == "mine.toml: version: this is missing\n"
    assert check(tmp_path / "mine.toml").output != check(tmp_path / "mine.toml", language="en").output


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    assert check(tmp_path / "none.toml").exit_code == 2


@pytest.mark.parametrize("role", ["survey_office", "lead_agency"])
def test_every_questionnaire_is_previewed_in_both_languages(signed_in: Callable[..., Any], role: str) -> None:
    client = signed_in(role)
    assert client.get("/staff/questionnaires/").status_code == 200
    for code in builtin_instruments():
        for width in ("", "?width=320", "?width=x"):
            text = client.get(f"/staff/questionnaires/{code}{width}").text
            assert '<div lang="vi" class="side">' in text
            assert '<div lang="en" class="side">' in text
    assert client.get("/staff/questionnaires/none").status_code == 404


def test_a_waves_own_questionnaire_is_shown_as_it_was_frozen_into_it(
    signed_in: Callable[..., FlaskClient], database: Database, settings: Settings, go_to_the_field: Callable[..., Any]
) -> None:
    go_to_the_field(database, Keys(settings.keys), NOW)
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        wave.instrument = wave.instrument.replace("sạch sẽ, văn minh", "sáng sủa")
    client = signed_in("survey_office")
    assert "/staff/questionnaires/waves/2026-citizens" in client.get("/staff/questionnaires/").text
    for width in ("", "?width=320"):
        text = client.get(f"/staff/questionnaires/waves/2026-citizens{width}").text
        assert "sáng sủa" in text
        assert "The office is clean" in text
    assert client.get("/staff/questionnaires/waves/none").status_code == 404
