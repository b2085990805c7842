"""The bare work: a Flask application that renders the same pages as ours and commits a row at each POST.

It keeps nothing drawn, knows no token, no language and no look, checks nothing and packs nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask, Response, redirect, request
from pysqlite3 import dbapi2

from survey import resources
from survey.db import PRAGMAS
from survey.instrument import Instrument, builtin_instrument, load_instrument
from survey.web import forms

FRAME = """<!doctype html><html lang="vi"><head><meta charset="utf-8"><meta name="viewport"
 content="width=device-width, initial-scale=1"><title>{{ title }}</title>{{ style }}</head><body>
<a class="skip" href="#main">Đến phần nội dung</a><header class="top"><p class="brand">{{ title }}</p>
<div class="languages" role="group" aria-label="Ngôn ngữ"><button name="switch" value="en">English</button></div>
<div class="look" role="group" aria-label="Cỡ chữ và độ tương phản">
{% for value, text in looks %}<button name="look" value="{{ value }}" formnovalidate>{{ text }}</button>
{% endfor %}</div></header><main id="main" tabindex="-1"><h1>{{ heading }}</h1>
<form id="page" method="post">BODY<button>Tiếp tục</button>
<button class="quiet" name="back" value="1">Quay lại</button></form></main></body></html>"""
QUESTIONS = """{% for name, text, choices in questions %}<fieldset id="{{ name }}">
<legend class="told">{{ text }}</legend>
<details class="hear"><summary>Nghe</summary><audio controls preload="none" src="/listen/{{ name }}.mp3"></audio>
<small>Giọng đọc do máy tạo</small></details>{% for value, words in choices %}<label class="choice"><input type="radio"
 name="{{ name }}" value="{{ value }}" id="{{ name }}-{{ value }}"><span>{{ words }}</span></label>{% endfor %}
<button class="clear" name="clear" value="{{ name }}" formnovalidate>Bỏ chọn</button></fieldset>{% endfor %}"""
REVIEW = """<dl>{% for _name, text, choices in questions %}<dt>{{ text }}</dt><dd>{{ choices[0][1] if choices }}</dd>
{% endfor %}</dl>"""
END = "<p>Ý kiến của Ông/Bà đã được ghi nhận.</p>"
LOOKS = (("smaller", "A−"), ("normal", "A"), ("larger", "A+"), ("contrast", "Tương phản cao"))
TITLE = "Khảo sát ý kiến người dân, tổ chức"


def instrument() -> Instrument:
    """`BARE_INSTRUMENT` is a file's path or a shipped questionnaire's name."""
    name = os.environ["BARE_INSTRUMENT"]
    return load_instrument(Path(name).read_text(encoding="utf-8")) if "/" in name else builtin_instrument(name)


def asked(page: forms.FormPage) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """The page's questions, each with its choices, as plain words."""
    return [
        (
            one.name,
            one.item.text("vi"),
            [(choice.code, choice.text("vi")) for choice in one.item.choices]
            + ([("na", one.item.na("vi"))] if one.item.na else []),
        )
        for one in page.fields
    ]


def keeper(database: str) -> Callable[[bytes], None]:
    """What commits a row on a connection of its own: a file of SQLite's, or a database of PostgreSQL's."""
    connection: Any = connected(database)
    is_file = "://" not in database

    def keep(body: bytes) -> None:
        if is_file:
            connection.execute("begin immediate")
        connection.execute(f"insert into kept (body) values ({'?' if is_file else '%s'})", (body,))
        connection.commit()

    return keep


def connected(database: str) -> Any:
    if "://" in database:
        return psycopg.connect(database)
    connection = dbapi2.connect(database, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(pragma)
    return connection


def create() -> Flask:
    """`BARE` names the database, `BARE_INSTRUMENT` the questionnaire."""
    pages = [asked(page) for page in forms.pages_of(instrument(), ())]
    everything = [one for page in pages for one in page]
    style = resources.tree(resources.Tree.STATIC).joinpath("site.css").read_text(encoding="utf-8")
    script = resources.tree(resources.Tree.STATIC).joinpath("respond.js").read_text(encoding="utf-8")
    app, own = Flask("bare", static_folder=None), threading.local()
    questions, review, end = (
        app.jinja_env.from_string(FRAME.replace("BODY", body)) for body in (QUESTIONS, REVIEW, END)
    )
    told = {"title": TITLE, "looks": LOOKS, "style": ""}

    def commit(body: bytes) -> None:
        if not hasattr(own, "keep"):
            own.keep = keeper(os.environ["BARE"])
        own.keep(body)

    @app.get("/first")
    def first() -> str:
        return end.render(told, heading=TITLE, style=f"<style>{style}</style>")

    @app.get("/whole")
    def whole() -> str:
        return questions.render(told, questions=everything, heading=TITLE, style=f"<style>{style}</style>")

    @app.get("/script")
    def of_script() -> Response:
        return Response(script, mimetype="text/javascript")

    @app.get("/<int:number>")
    def show(number: int) -> str:
        page = pages[(number - 1) % len(pages)]
        return questions.render(told, questions=page, heading=f"Phần {number}/{len(pages)}")

    @app.get("/review")
    def look_through() -> str:
        return review.render(told, questions=everything, heading="Xin xem lại câu trả lời")

    @app.post("/<page>")
    def keep(page: str) -> object:
        commit(request.form.get("a", "").encode())
        if page == "review":
            return end.render(told, heading="Cảm ơn Ông/Bà")
        following = request.form.get("next")
        return redirect(f"/{following}", 303) if following else ("", 204)

    return app
