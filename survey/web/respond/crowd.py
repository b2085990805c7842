"""Keeps a crowd at one poster from slowing everybody else: what is counted is the poster, never who stands before it.

Both counts live in one process's memory. A person who is asked to wait keeps the page, and its script asks again.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from threading import Lock

from flask import abort, g

from survey.memory import keep

AT_ONCE = 2  # requests of one poster in a process: half of its threads stay for all others
ROOM, EVERY = 20, timedelta(seconds=3)  # so many forms may begin at once, then one in so long
BUSY = 503
_inside: Counter[str] = Counter()
_begun: dict[bytes, datetime] = {}
_turn = Lock()


def come_in(code: str) -> None:
    """Ask to wait where too many requests of this poster are being answered."""
    with _turn:
        if _inside[code] >= AT_ONCE:
            abort(BUSY)
        _inside[code] += 1
    g.at_poster = code


def go_out(_error: BaseException | None) -> None:
    """The request is over; most were at no poster."""
    code = g.pop("at_poster", None)
    if code is None:
        return
    with _turn:
        _inside[code] -= 1
        if not _inside[code]:
            del _inside[code]


def begin_at(cell: bytes, now: datetime) -> None:
    """Ask to wait where forms begin at this poster faster than people can walk up to it."""
    with _turn:
        due = max(_begun.get(cell, now), now)
        if due - now > EVERY * (ROOM - 1):
            abort(BUSY)
        keep(_begun, cell, due + EVERY)
