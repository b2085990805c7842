"""Voices: every shipped question can be listened to, a changed one cannot, and a province's own voice comes first."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from survey import voices
from survey.app import create_app
from survey.cli.main import hailong
from survey.cli.speech import readable
from survey.config import Settings
from survey.db import Database
from survey.instrument import Instrument, builtin_instrument, builtin_instruments, load_instrument
from survey.keys import Keys
from survey.voices import Manifest, Trouble
from survey.web import listen

MP3 = b"\xff\xf3\x80\xc0" + bytes(2000)
SERVICE = builtin_instrument("service-2025")
ALL = 4 * 1024 * 1024


def instrument(*arguments: object, language: str = "en") -> Any:
    runner = CliRunner(env={"HAILONG_LANGUAGE": language})
    return runner.invoke(hailong, ["instrument", "voices", *map(str, arguments)])


def recorded(folder: Path, *codes: str, form: Instrument = SERVICE) -> None:
    """A province's recordings of some questions, in Vietnamese."""
    voices.prepare(form, folder)
    for code in codes:
        (folder / form.code / "vi" / f"{code}.mp3").write_bytes(MP3 + code.encode())


def changed(old: str, new: str) -> Instrument:
    return load_instrument(SERVICE.source.replace(old, new, 1))


@pytest.mark.parametrize("code", builtin_instruments())
def test_every_shipped_question_and_lead_can_be_listened_to_in_every_language(code: str) -> None:
    form = builtin_instrument(code)
    assert voices.troubles(form, voices.shipped_folder()) == {}
    heard = voices.open_voices(voices.shipped_folder())
    for lang in form.languages:
        assert all(heard.of_item(item, lang) for item in form.items)
        assert all(heard.of_lead(factor, lang) for factor in form.factors if factor.lead)


def test_the_shipped_voices_are_small_and_say_that_a_program_made_them() -> None:
    heard = voices.open_voices(voices.shipped_folder()).by_words.values()
    assert sum(voice.path.stat().st_size for voice in heard) < ALL
    assert all(voice.generated for voice in heard)
    assert {voice.path for voice in heard} == set(voices.shipped_folder().rglob("*.mp3")), "a file that nobody hears"


def test_a_voice_says_the_question_and_what_stands_beside_each_box() -> None:
    assert voices.item_words(SERVICE.item("S32"), "en") == (
        "Feedback is received and handled according to the rules. If you have never given feedback, please choose "
        "“Not applicable”. 1: Very satisfied. 2: Satisfied. 3: Neutral. 4: Dissatisfied. 5: Very dissatisfied. "
        "6: Not applicable."
    )
    ethnicity = voices.item_words(builtin_instrument("sipas-2022").item("ethnicity"), "vi")
    assert ethnicity.startswith("Dân tộc. 1: Tôi đồng ý")
    assert ethnicity.endswith("2: Kinh. 3: Khác.")


def test_a_program_reads_numbers_and_ranges_as_words() -> None:
    assert readable("Ông/Bà. 1: 18-24. 5: Từ 60 trở lên.", "vi") == (
        "Ông Bà. một: mười tám đến hai mươi bốn. năm: Từ sáu mươi trở lên."
    )
    assert readable("1: 18-24.", "en") == "1: 18 to 24."


@pytest.mark.parametrize(("old", "new"), [("Giấy tờ phải nộp", "Các giấy tờ phải nộp"), ("Hài lòng", "Khá hài lòng")])
def test_a_changed_question_or_answer_finds_no_voice(old: str, new: str) -> None:
    heard, form = voices.open_voices(voices.shipped_folder()), changed(f'"{old}', f'"{new}')
    assert heard.of_item(SERVICE.item("S20"), "vi")
    assert heard.of_item(form.item("S20"), "vi") is None
    assert heard.of_item(form.item("S20"), "en")
    assert heard.of_item(form.item("sex"), "vi")


def test_a_copy_of_a_questionnaire_under_another_code_keeps_the_voices_of_what_it_kept() -> None:
    heard, form = voices.open_voices(voices.shipped_folder()), changed('"service-2025"', '"our-form"')
    assert all(heard.of_item(item, lang) for item in form.items for lang in form.languages)


def test_missing_stale_large_and_foreign_files_are_named(tmp_path: Path) -> None:
    recorded(tmp_path, "S15", "S16", "S17", "S18")
    place = tmp_path / "service-2025/vi"
    (place / "S16.mp3").write_bytes(MP3 * 40)
    (place / "S17.mp3").write_bytes(b"RIFF" + bytes(2000))
    form = tmp_path / "form.toml"
    form.write_text(SERVICE.source.replace("Trang thiết bị phục vụ", "Thiết bị phục vụ"), encoding="utf-8")
    before = {path: path.read_bytes() for path in place.iterdir()}
    done = instrument(form, "--out", tmp_path, "--check", "--json")
    told = {row["file"]: row["trouble"] for row in json.loads(done.output)["lines"]}
    assert done.exit_code == 1
    assert [told[f"service-2025/vi/{code}.mp3"] for code in ("S15", "S16", "S17", "S18", "S19")] == [
        None, Trouble.TOO_LARGE, Trouble.NOT_MP3, Trouble.STALE, Trouble.MISSING,
    ]  # fmt: skip
    assert {path: path.read_bytes() for path in place.iterdir()} == before
    shown = instrument(form, "--out", tmp_path, "--check", language="vi").output
    assert "service-2025/vi/S18.mp3: câu hỏi đã thay đổi" in shown


def test_the_list_for_a_recording_studio_keeps_what_a_recorded_file_says(tmp_path: Path) -> None:
    listed = instrument("service-2025", "--out", tmp_path)
    assert listed.exit_code == 0
    assert "service-2025/vi/S17.mp3\tNơi làm thủ tục sạch sẽ, văn minh. 1: Rất hài lòng. 2: " in listed.output
    recorded(tmp_path, "S18")
    form = changed("Trang thiết bị phục vụ", "Thiết bị phục vụ")
    voices.prepare(form, tmp_path)
    (line,) = (line for line, why in voices.troubles(form, tmp_path).items() if why is Trouble.STALE)
    assert line.code == "S18"
    (tmp_path / line.file).unlink()
    recorded(tmp_path, "S18", form=form)
    assert voices.open_voices(tmp_path).of_item(form.item("S18"), "vi")


def test_no_program_speaks_where_people_spoke(tmp_path: Path) -> None:
    if not shutil.which("espeak-ng"):
        pytest.skip("no espeak-ng is installed")
    pytest.importorskip("soundfile")
    recorded(tmp_path, "S15")
    done = instrument("service-2025", "--out", tmp_path, "--generate")
    assert done.exit_code == 1
    assert "People spoke in" in done.output


def test_a_program_speaks_what_is_missing_or_stale_and_nothing_else(tmp_path: Path) -> None:
    if not shutil.which("espeak-ng"):
        pytest.skip("no espeak-ng is installed")
    pytest.importorskip("soundfile")
    shutil.copytree(voices.shipped_folder(), tmp_path, dirs_exist_ok=True)
    kept = tmp_path / "service-2025/vi/S16.mp3"
    before, was = kept.stat().st_mtime_ns, (tmp_path / "service-2025/vi/S18.mp3").read_bytes()
    (tmp_path / "service-2025/vi/S15.mp3").unlink()
    form = tmp_path / "form.toml"
    form.write_text(SERVICE.source.replace("Trang thiết bị phục vụ", "Thiết bị phục vụ"), encoding="utf-8")
    assert instrument(form, "--out", tmp_path, "--generate").exit_code == 0
    assert instrument(form, "--out", tmp_path, "--check").exit_code == 0
    assert kept.stat().st_mtime_ns == before
    assert (tmp_path / "service-2025/vi/S18.mp3").read_bytes() != was
    assert voices.read_manifest(tmp_path / "service-2025/vi").generator.startswith("eSpeak NG")


def test_a_voice_is_served_whole_and_in_parts_and_kept_by_caches(client: FlaskClient) -> None:
    voice = next(iter(voices.open_voices(voices.shipped_folder()).by_mark.values()))
    whole = client.get(f"/listen/{voice.mark}.mp3")
    assert (whole.status_code, whole.mimetype) == (200, "audio/mpeg")
    assert whole.data == voice.path.read_bytes()
    assert whole.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in whole.headers
    part = client.get(f"/listen/{voice.mark}.mp3", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, whole.data[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.data)}"
    again = client.get(f"/listen/{voice.mark}.mp3", headers={"If-None-Match": whole.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "name", ["0000000000", "S15", "..%2f..%2fconfig", "%2e%2e/instruments/service-2025.toml", "service-2025/vi/S15", ""]
)
def test_nothing_but_a_known_voice_can_be_fetched(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/listen/{name}.mp3")
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_provinces_own_voice_comes_first_file_by_file(settings: Settings, database: Database, tmp_path: Path) -> None:
    recorded(tmp_path / "ours", "S15")
    app = create_app(replace(settings, voices=tmp_path / "ours"), database=database)
    with app.test_request_context():
        own, shipped = (listen.voice_of(SERVICE.item(code), "vi") for code in ("S15", "S16"))
    assert own
    assert shipped
    assert (own.generated, shipped.generated) == (False, True)
    assert app.test_client().get(f"/listen/{own.mark}.mp3").data == MP3 + b"S15"


def test_a_faulty_folder_of_voices_keeps_no_survey_from_going_on(
    settings: Settings, database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorded(tmp_path, "S15")
    (tmp_path / "service-2025/vi/voices.toml").write_text("words = [", encoding="utf-8")
    app = create_app(replace(settings, voices=tmp_path), database=database)
    with app.test_request_context():
        heard = listen.voice_of(SERVICE.item("S15"), "vi")
    assert heard
    assert heard.generated
    assert "voices.toml" in caplog.text
    assert instrument("service-2025", "--out", tmp_path, "--check").exit_code == 1


def test_a_question_page_has_a_button_where_there_is_a_voice_and_none_elsewhere(
    go_to_the_field: Callable[..., Any], app: Flask, database: Database, settings: Settings
) -> None:
    field = go_to_the_field(database, Keys(settings.keys), app.extensions["survey"].clock())
    client: Any = app.test_client()
    answer = client.submit(f"/k/{field.personal[0]}")
    client.get(answer.location)
    players = list(client.page.iter("audio"))
    assert len(players) == len(list(client.page.iter("fieldset"))) + 1  # and the lead
    assert {one.get("preload") for one in players} == {"none"}
    assert all(client.get(one.get("src", "")).status_code == 200 for one in players)


def test_a_manifest_reads_as_it_was_written(tmp_path: Path) -> None:
    written = Manifest('Máy "đọc" 1.0', {"_I": 'Một "câu" \\ hỏi\tvà', "Q1.a": "Ông/Bà?"})
    voices.write_manifest(tmp_path, written)
    assert voices.read_manifest(tmp_path) == written
