"""Keeps the calendar of the waves: what is planned opens at its hour, what rests goes on, what is over closes.

A close cannot be taken back, so a clock that jumped is not believed at once: the hour of the wall is compared with a
clock that only ticks, and while they disagree nothing is opened or closed.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.db import Database
from survey.errors.common import SurveyError
from survey.jobs import close
from survey.keys import Keys
from survey.model.wave import Wave
from survey.stages import steps, waves

ACTOR = "calendar (worker)"
SLACK = timedelta(minutes=2)  # a worker that was busy, a clock that is put right by seconds
QUARANTINE = timedelta(hours=1)
LOG = logging.getLogger("survey")
Step = Callable[[Database, Keys, str, datetime], None]


@dataclass
class Watch:
    """Compares the wall's clock with one that only ticks (`time.monotonic`), from look to look."""

    ticks: Callable[[], float]
    wall: datetime | None = None
    at: float = 0.0
    jumped_at: float | None = None

    def believes(self, now: datetime) -> bool:
        """Whether the wall's clock has gone as the other since the last look, and for an hour after it did not."""
        at = self.ticks()
        if self.wall is not None and abs((now - self.wall) - timedelta(seconds=at - self.at)) > SLACK:
            LOG.error("the clock jumped from %s to %s: no wave is opened or closed for an hour", self.wall, now)
            self.jumped_at = at
        self.wall, self.at = now, at
        return self.jumped_at is None or at - self.jumped_at >= QUARANTINE.total_seconds()


def run(database: Database, keys: Keys, *, now: datetime) -> Counter[str]:
    """Take every step whose hour has come, each in a transaction of its own; how often each kind was taken.

    A step that somebody else takes at the same moment is theirs; a close that was cut off goes on.
    """
    done = Counter[str]()
    due: list[tuple[str, Step, Callable[[Session], list[Wave]]]] = [
        ("closed", _close, lambda session: [*steps.to_close(session, now), *_cut_off(session, keys)]),
        ("opened", _open, lambda session: steps.to_open(session, now)),
        ("resumed", _resume, lambda session: steps.to_resume(session, now)),
    ]
    for name, step, find in due:
        with database.read() as session:
            codes = [wave.code for wave in find(session)]
        for code in codes:
            done[name] += _take(step, database, keys, code, now)
    return +done


def _cut_off(session: Session, keys: Keys) -> list[Wave]:
    """Waves whose close did not come to its end: the key goes last."""
    closed = session.scalars(select(Wave).where(Wave.state == waves.CLOSED).order_by(Wave.code))
    return [wave for wave in closed if keys.has_wave(wave.id)]


def _take(step: Step, database: Database, keys: Keys, code: str, now: datetime) -> bool:
    try:
        step(database, keys, code, now)
    except SurveyError as refused:
        LOG.error("the calendar of wave %s: %s", code, refused)
        return False
    return True


def _open(database: Database, _keys: Keys, code: str, now: datetime) -> None:
    with database.begin() as session:
        wave = waves.hold(session, code)
        waves.open_wave(session, wave, actor=ACTOR, now=now, document=steps.decision(session, wave))


def _resume(database: Database, _keys: Keys, code: str, now: datetime) -> None:
    with database.begin() as session:
        steps.resume(session, waves.hold(session, code), actor=ACTOR, now=now)


def _close(database: Database, keys: Keys, code: str, now: datetime) -> None:
    close.run(database, keys, code, actor=ACTOR, now=now)
