"""The bare work: a Flask application that renders a page of questions like ours and commits a row at each POST."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from flask import Flask, redirect, request
from pysqlite3 import dbapi2

from survey.db import PRAGMAS

QUESTIONS = tuple(f"Câu hỏi {n}: ông/bà có hài lòng về thời hạn trả kết quả hồ sơ không?" for n in range(6))
CHOICES = ("Rất hài lòng", "Hài lòng", "Bình thường", "Không hài lòng", "Rất không hài lòng", "Không áp dụng")
PAGE = """<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{{ number }}</title></head><body><main>
<form method="post">{% for text in questions %}{% set n = loop.index %}<fieldset><legend>{{ text }}</legend>
{% for choice in choices %}<label class="choice"><input type="radio" name="S{{ n }}" value="{{ loop.index }}"
 id="S{{ n }}-{{ loop.index }}"><span>{{ choice }}</span></label>{% endfor %}</fieldset>{% endfor %}
<button>Tiếp tục</button></form></main></body></html>"""


def create() -> Flask:
    """`BARE` names the folder with the database."""
    folder = Path(os.environ["BARE"])
    app = Flask("bare")
    page = app.jinja_env.from_string(PAGE)
    own = threading.local()

    def opened() -> Any:
        if not hasattr(own, "database"):
            own.database = dbapi2.connect(folder / "bare.db", isolation_level=None)
            for pragma in PRAGMAS:
                own.database.execute(pragma)
        return own.database

    def commit(body: bytes) -> None:
        opened().execute("begin immediate")
        opened().execute("insert into kept (body) values (?)", (body,))
        opened().execute("commit")

    @app.get("/<int:number>")
    def show(number: int) -> str:
        return page.render(number=number, questions=QUESTIONS, choices=CHOICES)

    @app.post("/<int:number>")
    def keep(number: int) -> object:
        commit(request.form.get("a", "").encode())
        return (
            redirect(f"/{number + 1}", 303)
            if request.form.get("next")
            else page.render(number=0, questions=(), choices=())
        )

    return app
