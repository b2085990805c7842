"""What is drawn once in a process for the same words and choices: drawing is most of what a page costs.

Kept are pages and questions that hold nothing that somebody wrote, chose or did wrong; the form's token, the page's
one-time word, its address and whatever else is one reader's own are put in each time.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Hashable, Mapping

from flask import Response, g, render_template
from markupsafe import escape

from survey.instrument import Item
from survey.memory import keep
from survey.web.forms import Field
from survey.web.guard import csp_nonce, takes_gzip
from survey.web.look import look
from survey.web.packed import Frame
from survey.web.site import here, language, offered_languages
from survey.web.tokens import form_token

TOKEN, NONCE, HERE, KEY, CODE, SEEN, REPLIES = MARKS = tuple(secrets.token_hex(16) for _ in range(7))
_questions: dict[tuple[int, str, str, str, bool], tuple[Item, str]] = {}
MARK = re.compile("|".join(MARKS).join("()"))
_pages: dict[tuple[Hashable, ...], tuple[Frame, list[str]]] = {}


def drawn(
    macro: Callable[..., str], field: Field, lang: str, text: str, answers: Mapping[str, str], fault: str,
    may_clear: bool,
) -> str:  # fmt: skip
    """What the template's macro makes of a question; kept when it holds nothing that somebody wrote or did wrong."""
    item, words = field.item, [name for name in field.extras if name in answers]
    if fault or words or not item.is_choosing or text != item.text(lang):
        return macro(field, lang, text, answers, fault, may_clear)
    key = (id(item), field.name, lang, answers.get(field.name, ""), may_clear)
    found = _questions.get(key)
    if found is None:
        made = (item, macro(field, lang, text, answers, fault, may_clear))  # the item keeps its id from being reused
        found = keep(_questions, key, made)
    return found[1]


def drawn_page(template: str, key: tuple[Hashable, ...], own: Mapping[str, str], /, **values: object) -> Response:
    """A page that is the same for all who see it in this language and look; `key` stands for its values.

    `own` has what is put in for this reader alone, by what stands for it in the values.
    """
    whole = (template, language(), tuple(offered_languages()), look(), bool(g.get("kiosk")), *key)
    found = _pages.get(whole)
    if found is None:
        made = render_template(template, csrf_token=lambda: TOKEN, csp_nonce=lambda: NONCE, here=HERE, **values)
        pieces = MARK.split(made)
        found = keep(_pages, whole, (Frame(pieces[::2]), pieces[1::2]))
    frame, marks = found
    words = {TOKEN: form_token(), NONCE: csp_nonce(), HERE: here(), **own}
    texts = [escape(words[mark]).encode() for mark in marks]
    if takes_gzip():
        return Response(frame.gzipped(texts), headers={"Content-Encoding": "gzip"})  # `guard.compress` says the rest
    return Response(frame.plain(texts))
