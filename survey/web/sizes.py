"""Which pages take more than a form: the length of a body is settled before anything reads it, the form's token too."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, request

KB, MB = 1 << 10, 1 << 20
LARGEST_BODY = 64 * KB


@dataclass(frozen=True)
class Size:
    """The most bytes of a whole body, and of its fields that are no files."""

    body: int
    fields: int = LARGEST_BODY


SIZES = {
    "lists.send": Size(256 * MB),
    "outside.send": Size(4 * MB),
    "schemes.change": Size(4 * MB, fields=MB),  # a letter is up to nine signs in a form's body
}


def register(app: Flask) -> None:
    """After the door, so that only who may open the page can send so much; before the check of tokens."""
    app.before_request(widen)


def widen() -> None:
    """Let this request be as long as its page may take."""
    size = SIZES.get(request.endpoint or "")
    if size is not None:
        request.max_content_length, request.max_form_memory_size = size.body, size.fields
