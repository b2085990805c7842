"""The thank-you page offers a code to citizens alone, and a page says later whether it is in a list."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from survey.db import Database
from survey.jobs import close

CODE = re.compile(r"[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}")


@pytest.fixture
def field(app: Flask, database: Database, go_to_the_field: Callable[..., Any]) -> Any:
    site = app.extensions["survey"]
    return go_to_the_field(database, site.keys, site.clock())


def send(client: FlaskClient, link: str, said: dict[str, str]) -> str:
    """The receipt's text after a form that a script sends whole."""
    client.get(f"/k/{link}")
    token = client.form()["csrf_token"]  # type: ignore[attr-defined]
    client.post(f"/k/{link}", data={"csrf_token": token})
    body = {"csrf_token": token, "key": f"{link:0<32}", "whole": "1", **said}
    return client.post(f"/k/{link}/review", data=body).get_data(as_text=True)


def test_a_full_and_an_empty_form_have_the_same_receipt_but_for_the_code(client: FlaskClient, field: Any) -> None:
    pages = [send(client, link, said) for link, said in zip(field.personal, ({}, {"S15": "5"}), strict=False)]
    assert all('data-state="done"' in page for page in pages)
    codes = [CODE.findall(page) for page in pages]
    assert [len(found) for found in codes] == [1, 1]
    assert codes[0] != codes[1]
    same = [
        re.sub(r'nonce="[^"]*"|name="(key|csrf_token)" value="[^"]*"', "", CODE.sub("", page)) for page in pages
    ]  # fmt: skip
    assert same[0].replace(field.personal[0], "") == same[1].replace(field.personal[1], "")


def test_an_official_gets_no_code(client: FlaskClient, field: Any) -> None:
    page = send(client, field.officials[0], {})
    assert 'data-state="done"' in page
    assert not CODE.search(page)
    assert "/receipt" not in page


def test_a_code_is_checked_after_the_close(app: Flask, client: FlaskClient, field: Any, database: Database) -> None:
    (code,) = CODE.findall(send(client, field.personal[0], {"S15": "5"}))
    site = app.extensions["survey"]
    assert client.submit("/receipt", {"code": code}).status_code == 404
    close.run(database, site.keys, "2026-citizens", actor="test", now=site.clock(), rng=Random(1))
    assert client.submit("/receipt", {"code": f" {code.upper()} "}).status_code == 200
    assert client.submit("/receipt", {"code": '"><script>alert(1)</script>'}).status_code == 404
