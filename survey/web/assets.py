"""Our own scripts and style sheets as they are sent: read once in a process, without what only their readers need."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from flask import abort
from markupsafe import Markup
from werkzeug.security import safe_join

from survey import resources

INDENTATION, REMARK = re.compile(r"^\s+", re.MULTILINE), re.compile(r"^//.*\n|(?<=[;{,]) *// .*$", re.MULTILINE)
NOTE, BREAK = re.compile(r"/\*.*?\*/", re.DOTALL), re.compile(r"\s*\n\s*")
AROUND, AFTER_COLON = re.compile(r"\s*([{};,>])\s*"), re.compile(r"(?<=:) +")


@cache
def own_file(name: str) -> bytes:
    """A file of ours, which stays the same as long as this process runs."""
    found = safe_join(str(resources.tree(resources.Tree.STATIC)), name)
    if found is None or not Path(found).is_file():
        abort(404)
    content, lean = Path(found).read_bytes(), LEAN.get(Path(found).suffix)
    return lean(content.decode()).encode() if lean else content


def lean_script(text: str) -> str:
    """Without indentation and remarks; the lines stay, as they end statements. No text of ours spans two lines."""
    return REMARK.sub("", INDENTATION.sub("", text))


def lean_style(text: str) -> str:
    """In one line, without spaces that say nothing."""
    return AFTER_COLON.sub("", AROUND.sub(r"\1", BREAK.sub("", NOTE.sub("", text)))).replace(";}", "}")


LEAN = {".js": lean_script, ".css": lean_style}


@cache
def inlined(name: str) -> Markup:
    """A style sheet of ours for a page that must come in one piece."""
    return Markup(own_file(name).decode())  # noqa: S704 our own


@cache
def asset(name: str) -> str:
    """The address of a static file, with a digest so that it can be kept for a year."""
    return f"/static/{name}?v={hashlib.sha256(own_file(name)).hexdigest()[:8]}"
