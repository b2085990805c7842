"""One line of JSON for each request and each error: what route, how it ended, how long it took; of nobody anything.

Link codes stand in paths, so routes are named, never paths. No address, no agent, no message of an exception (it may
quote what was sent) is written, and instants are cut to the second.
"""

from __future__ import annotations

import json
import logging
import traceback
from pathlib import Path
from time import perf_counter

from flask import Flask, Response, g, request

from survey.web.site import now

LOG = logging.getLogger("survey.requests")
NO_ROUTE = "-"
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"})
ROOM = Path(__file__).parents[1].name
_in_one_line = json.JSONEncoder(separators=(",", ":")).encode


def register(app: Flask) -> None:
    app.before_request(_start)
    app.after_request(_write)


def _start() -> None:
    g.began = perf_counter()


def _write(response: Response) -> Response:
    began = g.get("began")
    took = round((perf_counter() - began) * 1000, 1) if began is not None else None
    if LOG.isEnabledFor(logging.INFO):
        text = line("request", status=response.status_code, ms=took)
        LOG.handle(logging.LogRecord(LOG.name, logging.INFO, "", 0, text, None, None))  # nobody asks which line of code
    return response


def failed(error: BaseException) -> None:
    """An error that nobody foresaw: its kind and the lines of our own that led to it."""
    frames = [
        f"{Path(frame.filename).stem}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if ROOM in Path(frame.filename).parts
    ]
    LOG.error(line("error", kind=type(error).__name__, where=frames))


def line(what: str, **told: object) -> str:
    """ASCII in one line, whatever stands in what is `told`; method and route are words of our own."""
    at, route = now().isoformat(timespec="seconds"), request.endpoint or NO_ROUTE
    return f'{{"at":"{at}","what":"{what}","method":"{_method()}","route":"{route}",{_in_one_line(told)[1:]}'


def _method() -> str:
    """A method is a word that somebody sent: an unknown one is not repeated."""
    return request.method if request.method in METHODS else "?"
