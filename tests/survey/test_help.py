"""The guides: open to every role, the same in both languages, naming only what exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from xml.etree import ElementTree as ET

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from analysis.__main__ import _parser
from survey.cli.main import hailong
from survey.i18n import EN, VI, translator
from survey.sentences.frames import COUNTS
from survey.stages.dossiers import COLUMNS as DOSSIERS
from survey.stages.exports import IMPORT_COLUMNS
from survey.stages.raters import COLUMNS as RATERS
from survey.stages.staff import Role
from survey.stages.units import COLUMNS as UNITS

SignIn = Callable[..., FlaskClient]
GUIDES = ("/help/coordinators", "/help/home-affairs", "/help/administrators")
OPTION = re.compile(r"--[a-z-]+")


@pytest.fixture
def guides(signed_in: SignIn) -> dict[tuple[str, str], ET.Element]:
    """Every guide in every language, as a reader gets it."""
    client = signed_in("survey_office")
    found = {}
    for tongue in (VI, EN):
        client.set_cookie("lang", tongue)
        for path in GUIDES:
            assert client.get(path).status_code == 200
            found[path, tongue] = client.page  # type: ignore[attr-defined]
    return found


def text_of(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def codes_of(page: ET.Element) -> list[str]:
    return ["".join(one.itertext()) for one in page.iter("code")]


def shape_of(page: ET.Element) -> list[tuple[str, str | None]]:
    """The order of what a guide is made of, without its words."""
    tags = {"h1", "h2", "h3", "li", "pre", "table", "tr", "dt", "dd"}
    return [(one.tag, one.get("id")) for one in page.iter() if one.tag in tags]


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_read_the_guides_and_finds_the_way_to_them(signed_in: SignIn, role: Role) -> None:
    client = signed_in(role.value)
    client.get("/staff/")
    page: ET.Element = client.page  # type: ignore[attr-defined]
    assert "/help" in [one.get("href") for one in page.iter("a")]
    for path in ("/help", *GUIDES):
        assert client.get(path).status_code == 200


def test_without_signing_in_there_is_no_guide(client: FlaskClient) -> None:
    for path in ("/help", *GUIDES):
        assert client.get(path).location.startswith("/staff/sign-in")


@pytest.mark.parametrize("path", GUIDES)
def test_both_languages_have_the_same_parts_and_commands(guides: dict[tuple[str, str], ET.Element], path: str) -> None:
    vi, en = guides[path, "vi"], guides[path, "en"]
    assert shape_of(vi) == shape_of(en)
    assert len(list(vi.iter("h2"))) >= 8
    quoted = re.compile(r'"[^"]*"|ten@|name@')
    vi_codes, en_codes = ({quoted.sub("", code) for code in codes_of(page)} for page in (vi, en))
    assert vi_codes ^ en_codes <= {"1,234.5"}


def test_every_heading_stands_in_the_table_of_contents(guides: dict[tuple[str, str], ET.Element]) -> None:
    for page in guides.values():
        linked = {one.get("href"): text_of(one) for one in page.iter("a") if one.get("href", "").startswith("#")}
        assert {f"#{one.get('id')}": text_of(one) for one in page.iter("h2")}.items() <= linked.items()


def test_every_command_in_the_guides_exists(guides: dict[tuple[str, str], ET.Element]) -> None:
    lines = [
        line for page in guides.values() for code in codes_of(page) for line in code.replace("\\\n", "").splitlines()
    ]
    commands = [line for line in lines if line.startswith("hailong ")]
    assert len({line.split()[1] for line in commands}) >= 12
    for line in commands:
        check_command(shlex.split(line)[1:])
    computed = {line for line in lines if line.startswith("python -m analysis")}
    asked = [_parser().parse_args(shlex.split(line)[3:]).command for line in sorted(computed)]
    assert asked == ["score", "screen"]


def check_command(words: list[str]) -> None:
    """Follow the words down the groups; what is left are arguments and options of the last command."""
    command: click.Command = hailong
    rest = list(words)
    while isinstance(command, click.Group) and rest:
        found = command.get_command(click.Context(command), rest.pop(0))
        assert found is not None, f"no such command: {words}"
        command = found
    assert not isinstance(command, click.Group), f"no whole command: {words}"
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in rest if OPTION.fullmatch(word)} <= known | {"--help"}, words


def test_every_address_in_the_guides_exists(app: Flask, guides: dict[tuple[str, str], ET.Element]) -> None:
    addresses = {code for page in guides.values() for code in codes_of(page) if code.startswith("/")}
    addresses |= {one.get("href", "") for page in guides.values() for one in page.iter("a")}
    routes = app.url_map.bind("localhost")
    for address in addresses:
        if not address.startswith("/") or address.startswith("/etc/"):
            continue
        try:
            routes.match(address, method="GET")
        except HTTPException:
            pytest.fail(f"leads nowhere: {address}")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_report_of_a_dossier_list_is_explained_line_by_line(
    guides: dict[tuple[str, str], ET.Element], language: str
) -> None:
    told = text_of(guides["/help/coordinators", language])
    for sentence in COUNTS.values():
        assert translator(language).gettext(sentence) in told


def test_required_columns_and_the_import_table_are_named(guides: dict[tuple[str, str], ET.Element]) -> None:
    codes = set(codes_of(guides["/help/coordinators", "vi"]))
    for columns in (DOSSIERS, RATERS, UNITS):
        assert columns.required <= codes
    heads = [text_of(one) for one in guides["/help/home-affairs", "vi"].iter("th")]
    start = heads.index(IMPORT_COLUMNS[0])
    assert tuple(heads[start : start + len(IMPORT_COLUMNS)]) == IMPORT_COLUMNS
