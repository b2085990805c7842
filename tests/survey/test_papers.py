"""Paper from the desk: the printed sheet and the cards as people get them, and the pages that clerks type on."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from survey import answers as answering
from survey import schema
from survey.answers import Wrong
from survey.cli.main import hailong
from survey.config import Settings
from survey.datafile import Words
from survey.db import Database, open_database
from survey.i18n import translator
from survey.instrument import Instrument, builtin_instrument, load_instrument
from survey.keys import Keys
from survey.model.frame import Dossier
from survey.model.paper import PaperSheet
from survey.model.response import SpentMark
from survey.paper import printing, typed
from survey.paper.layout import parts_of
from survey.paper.printing import CardText, Letter, SheetText
from survey.stages import papers, waves
from survey.stages import sheets as printed

EVERY_TYPE = Path(__file__).parent / "data" / "every-type.toml"
SignIn = Callable[..., FlaskClient]
LETTER = Letter(Words((("vi", "Sở Nội vụ"),)), Words(()), "17:00, 24/03/2026", False)


@pytest.fixture
def form() -> Instrument:
    return load_instrument(EVERY_TYPE)


def text_of_pdf(content: bytes) -> str:
    """What a reader of the PDF reads, page by page."""
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=content, capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())


def text_of(client: FlaskClient) -> str:
    page: ET.Element = client.page  # type: ignore[attr-defined]
    return " ".join("".join(page.itertext()).split())


# --- what is typed


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("S1", "5", "5"),
        ("S1", " 0 ", "na"),
        ("S1", "-", "na"),
        ("S1", "", None),
        ("S1", "6", Wrong.NOT_OFFERED),
        ("S1", "５", Wrong.NOT_OFFERED),
        ("CH", "2", "counter"),
        ("CH", "counter", "counter"),
        ("CH", "0", Wrong.NOT_OFFERED),
        ("SRC", "3 1", "media other"),
        ("SRC", "1,2", "media family"),
        ("SRC", "1 1", Wrong.TWICE),
        ("SRC", "1 4", Wrong.NOT_ALONE),
        ("SRC~other", "  ở chợ ", "ở chợ"),
        ("N", "12", "12"),
        ("N", "x", Wrong.NOT_A_NUMBER),
        ("D", "3/4/2025", "2025-04-03"),
        ("D", "31/2/2025", Wrong.NOT_A_DAY),
        ("people~consent", "1", "yes"),
        ("people~consent", "2", Wrong.NOT_OFFERED),
    ],
)
def test_a_line_takes_the_number_beside_the_box(form: Instrument, name: str, text: str, value: Any) -> None:
    read = typed.read(form, {name: text})
    expected = ({}, {name: value}) if isinstance(value, Wrong) else ({name: value} if value else {}, {})
    assert (read.answers, read.faults) == expected


def test_what_was_typed_is_shown_again_as_it_is_read(form: Instrument) -> None:
    text = {"S1": "5", "S2": "0", "CH": "2", "SRC": "1 3", "SRC~other": "chợ", "D": "03/04/2025", "people~consent": "1"}
    answers = typed.read(form, text).answers
    assert {
        line.name: typed.shown(line, answers.get(line.name, ""))
        for line in typed.lines_of(form)
        if line.name in answers
    } == text


def test_a_comment_goes_to_its_unit_where_the_sheet_is_ticked() -> None:
    form = builtin_instrument("service-2025")
    read = typed.read(form, {"comment": "Chờ lâu", "comment~forward": "1"})
    assert answering.sort(form, read.answers).forwarded == {"comment"}
    assert typed.read(form, {"comment~forward": "2"}).faults == {"comment~forward": Wrong.NOT_OFFERED}


# --- what is printed


def test_a_route_is_a_sentence_that_says_where_to_go_on(form: Instrument) -> None:
    questions = {
        question.code: question
        for part in parts_of(form, "vi", translator("vi").gettext)
        for block in part.blocks
        for question in block.questions
    }
    assert questions["WEB"].only_if == "Chỉ trả lời câu này nếu ở câu CH đã đánh dấu ô 1."
    assert questions["WEB"].text == (
        "Làm theo cách “[trả lời ở câu CH]”, đi lại [trả lời ở câu N] lần: hài lòng không?"
    )
    assert questions["WEB"].jumps == ("Nếu đánh dấu ô 5, 4, 3 hoặc 0, chuyển đến câu D.",)
    assert not [one.code for one in questions.values() if one.jumps and one.code != "WEB"]


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_every_item_of_the_full_form_stands_on_its_tagged_sheet(lang: str) -> None:
    sipas = builtin_instrument("sipas-2022")
    sheet = SheetText(
        "48277163", "https://khaosat.vn/k/4f7km2qp9xw3z", Words((("vi", "Sở Xây dựng"),)), "Lê An", "Phường 5"
    )
    content = printing.questionnaires(sipas, [sheet], LETTER, said=translator(lang))
    read = text_of_pdf(content)
    assert not [item.code for item in sipas.items if item.code not in read.split()]
    assert "4827 7163" in read
    assert "Lê An" in read
    told = subprocess.run(["pdfinfo", "-"], input=content, capture_output=True, check=True).stdout.decode()
    assert re.search(r"Tagged: +yes", told)


def test_cards_stand_eight_on_a_page_and_every_lot_begins_one() -> None:
    lot = [CardText(f"https://khaosat.vn/k/4f7km2qp9xw{n:02}", Words((("vi", "HĐND"),)), Words(())) for n in range(9)]
    read = subprocess.run(
        ["pdftotext", "-", "-"],
        input=printing.cards([lot, lot[:1]], LETTER, said=translator("vi")),
        capture_output=True,
        check=True,
    )
    pages = read.stdout.decode().split("\f")[:-1]
    assert [page.count("HĐND") for page in pages] == [8, 1, 1]


def test_printed_matter_fetches_nothing_and_is_the_same_each_time(form: Instrument, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"not for print")
    sheet = SheetText("48277163", "x/k/4f7km2qp9xw3z", Words((("vi", f'<img src="{secret.as_uri()}">'),)))
    content = printing.questionnaires(form, [sheet], LETTER, said=translator("vi"))
    assert b"not for print" not in content
    assert content == printing.questionnaires(form, [sheet], LETTER, said=translator("vi"))


# --- the desk


def allow_paper(database: Database) -> None:
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        wave.settings = {**wave.settings, "modes": ["link", "counter", "paper"]}


@pytest.fixture
def sheets(app: Flask, database: Database, settings: Settings, go_to_the_field: Callable[..., Any]) -> list[str]:
    """Numbers of twelve printed sheets, printed by the command, which writes for its owner alone."""
    site = app.extensions["survey"]
    go_to_the_field(database, site.keys, site.clock())
    allow_paper(database)
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        for dossier in session.scalars(select(Dossier)):
            dossier.phone = None
            dossier.name, dossier.address = (site.keys.installation.hide(text) for text in ("Lê An", "Phường 5"))
        key = site.keys.wave(wave.id)
        given = printed.allot(session, wave, site.keys, unit=None, rng=Random(1), actor="office", now=site.clock())
        assert {one.address for one in given} == {"Phường 5"}
        assert papers.numbers(session, wave, key, printed.PRINTED, most=99) == [one.number for one in given]
    return [one.number for one in given]


def fill(client: FlaskClient, number: str, step: str = "save", **answers: str) -> Any:
    path = f"/staff/papers/{number}"
    client.get(path)
    values = {f"a.{name}": value for name, value in answers.items()}
    return client.post(path, data={**client.form(1), **values, "step": step})  # type: ignore[attr-defined]


def test_two_clerks_type_a_sheet_and_the_office_settles_what_differs(
    signed_in: SignIn, sheets: list[str], database: Database
) -> None:
    number = sheets[0]
    first, second, office = (
        signed_in("interviewer"),
        signed_in("interviewer", "oversight"),
        signed_in("survey_office"),
    )
    assert (
        first.submit("/staff/papers", {"number": f"{number[:4]} {number[4:]}"}, form=1).location
        == f"/staff/papers/{number}"
    )
    assert fill(first, number, S15="4", S16="2").location == "/staff/papers?state=once"
    first.get(f"/staff/papers/{number}")
    assert "Một người khác cần nhập lại" in text_of(first)
    assert fill(second, number, S15="4", S16="1").location == "/staff/papers?state=differ"
    assert second.get(f"/staff/papers/{number}/differences").status_code == 403
    office.get(f"/staff/papers/{number}/differences")
    assert "S16" in text_of(office)
    assert "S15" not in text_of(office)
    path = f"/staff/papers/{number}/differences"
    undecided = office.post(path, data={**office.form(1), "step": "save"})
    assert undecided.status_code == 422
    done = office.post(path, data={**office.form(1), "a.S16": "1", "step": "save"})
    assert done.location == "/staff/papers?state=done"
    office.get(done.location)
    assert "câu trả lời được tính" in text_of(office)
    with database.read() as session:
        assert len(list(session.scalars(select(SpentMark)))) == 1


def test_enter_saves_nothing_and_leads_to_the_next_line(
    signed_in: SignIn, sheets: list[str], database: Database
) -> None:
    client = signed_in("survey_office")
    assert fill(client, sheets[0], step="check", S15="4").status_code == 200
    focus = [one.get("name") for one in client.page.iter("input") if "autofocus" in one.attrib]  # type: ignore[attr-defined]
    assert focus == ["a.S16"]
    wrong = fill(client, sheets[0], S15="7", S16="4")
    assert wrong.status_code == 422
    assert "S15: Câu này không có ô đó." in text_of(client)
    assert client.form(1)["a.S16"] == "4"  # type: ignore[attr-defined]
    with database.read() as session:
        assert {row.state for row in session.scalars(select(PaperSheet))} == {printed.PRINTED}


def test_a_second_clerk_sees_an_empty_sheet_and_lists_show_no_answer(signed_in: SignIn, sheets: list[str]) -> None:
    first, second = signed_in("survey_office"), signed_in("interviewer")
    fill(first, sheets[0], S15="4")
    second.get(f"/staff/papers/{sheets[0]}")
    values = {name: value for name, value in second.form(1).items() if name.startswith("a.")}
    assert set(values.values()) == {""}
    second.get("/staff/papers")
    listed = text_of(second)
    assert "Chờ người khác nhập lần 2: 1" in listed
    assert not re.search("S15|Rất hài lòng", listed)


def test_a_number_that_is_no_sheet_is_said_so(signed_in: SignIn, sheets: list[str]) -> None:
    client = signed_in("survey_office")
    assert client.submit("/staff/papers", {"number": "12345678"}, form=1).status_code == 422
    assert client.get("/staff/papers/12345678").status_code == 404


def test_the_commands_write_for_their_owner_alone_and_replace_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go_to_the_field: Callable[..., Any]
) -> None:
    opened = open_database(settings.database)
    schema.upgrade(opened)
    go_to_the_field(opened, Keys(settings.keys), datetime.now(UTC))
    allow_paper(opened)
    with opened.begin() as session:
        for dossier in session.scalars(select(Dossier).limit(2)):
            dossier.phone = None
    opened.close()
    monkeypatch.setenv("HAILONG_KEYS", str(settings.keys))

    def run(*words: str) -> tuple[int, str]:
        out = tmp_path / f"{words[0]}-{len(words)}.pdf"
        done = CliRunner().invoke(hailong, [*words, "--out", str(out), "--database", settings.database])
        assert not out.exists() or out.stat().st_mode & 0o077 == 0
        return done.exit_code, text_of_pdf(out.read_bytes()) if out.exists() else done.output

    assert run("papers", "print", "2026-citizens", "--blank")[1].count("Bản mẫu") == 4  # twice on each page
    code, printed = run("papers", "print", "2026-citizens")
    assert code == 0
    assert len(set(re.findall("[0-9]{4} [0-9]{4}", printed))) == 2
    assert run("papers", "print", "2026-citizens")[0] == 1
    code, cut = run("invitations", "cards", "2026-officials")
    assert code == 0
    assert cut.count("/k/") == 10
