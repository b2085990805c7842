"""Sends what waits in the outbox: each message is claimed and committed, sent without a transaction, then recorded.

A process that is killed in between leaves a claim behind, never a second message (`stages.outbox`).
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random, SystemRandom
from threading import Lock

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.channels.configuration import Channels, read_channels
from survey.channels.contract import MessageRefused, NotNow, Outgoing, Unclear, Why
from survey.channels.refusals import BudgetExceeded
from survey.config import Settings
from survey.db import Database
from survey.errors.common import DatabaseUnavailable, SurveyError
from survey.keys import Keys
from survey.model.wave import Wave
from survey.stages import messages, outbox, waves
from survey.stages.messages import Writer
from survey.stages.outbox import Taken

FIRST_PAUSE = timedelta(minutes=1)
RECORDING_PAUSES = (0.0, 1.0, 5.0)
A_MINUTE = timedelta(seconds=40)  # of the worker's minute, so that other jobs have theirs
LOG = logging.getLogger("survey")
Clock = Callable[[], datetime]


@dataclass
class Round:
    """One run for one wave: what its threads share."""

    database: Database
    writer: Writer
    clock: Clock
    until: datetime | None
    rng: Random
    lock: Lock = field(default_factory=Lock)
    outcomes: Counter[str] = field(default_factory=Counter)
    paused: set[str] = field(default_factory=set)
    refusal: SurveyError | None = None

    @property
    def channels(self) -> Channels:
        return self.writer.channels

    def is_over(self) -> bool:
        now = self.clock()
        return (
            self.refusal is not None
            or (self.until is not None and now >= self.until)
            or self.channels.is_quiet(now)
            or not waves.is_answerable(self.writer.wave, now)
        )

    def count(self, outcome: str) -> None:
        with self.lock:
            self.outcomes[outcome] += 1


def run(
    database: Database,
    keys: Keys,
    wave_code: str,
    *,
    channels: Channels,
    base_url: str,
    clock: Clock,
    rng: Random | None = None,
    until: datetime | None = None,
) -> Counter[str]:
    """Send what is due of a wave, by several threads; how often each outcome came. Quiet hours send nothing."""
    with database.read() as session:
        wave = waves.find(session, wave_code)
        it = messages.writer(session, wave, keys, channels, base_url)
    round_ = Round(database, it, clock, until, rng or SystemRandom())
    with database.begin() as session:
        outbox.resolve(session, wave, repeatable=_repeatable(channels), now=clock())
    while not round_.is_over():
        with database.begin() as session:
            following = messages.follow_up(session, it, now=clock())
        before = round_.outcomes.total()
        with ThreadPoolExecutor(channels.at_once) as pool:
            for done in [pool.submit(_work, round_) for _ in range(channels.at_once)]:
                done.result()
        if not following and round_.outcomes.total() == before:
            break
    if round_.refusal is not None:
        raise round_.refusal
    return round_.outcomes


def due(database: Database, keys: Keys, settings: Settings, *, clock: Clock) -> Counter[str]:
    """The worker's minute: every open wave with something to send. Faults of ours are logged, the minute goes on."""
    if not settings.channels.is_file():
        return Counter()
    until, outcomes = clock() + A_MINUTE, Counter[str]()
    try:
        channels = read_channels(settings.channels, os.environ)
        waiting = _waiting(database, clock())
    except SurveyError as refused:
        LOG.error("messages were not sent: %s", refused)
        return outcomes
    for code in waiting:
        try:
            outcomes += run(
                database, keys, code, channels=channels, base_url=settings.base_url, clock=clock, until=until
            )
        except SurveyError as refused:
            LOG.error("messages of a wave were not sent: %s", refused)
    return outcomes


def _waiting(database: Database, now: datetime) -> list[str]:
    with database.read() as session:
        opened = session.scalars(select(Wave).where(Wave.state == waves.OPEN))
        return [wave.code for wave in opened if waves.is_answerable(wave, now) and outbox.is_busy(session, wave)]


def _repeatable(channels: Channels) -> list[str]:
    return [channel.value for channel, adapter in channels.adapters.items() if adapter.repeats_safely]


def _work(round_: Round) -> None:
    """Send one message after the other until nothing is due."""
    while not round_.is_over():
        try:
            found = _claim(round_)
        except BudgetExceeded as refusal:
            round_.refusal = refusal
            return
        if found is None:
            return
        taken, message = found
        if message is not None:
            _send(round_, taken, message)


def _claim(round_: Round) -> tuple[Taken, Outgoing | None] | None:
    """Take the next message and write it; without a text it was settled here: nobody is to get it."""
    it, now = round_.writer, round_.clock()
    with round_.database.begin() as session:
        taken = outbox.claim(session, it.wave, it.keys.wave(it.wave.id), but=round_.paused, now=now)
        if taken is None:
            return None
        person = messages.addressee(session, it, taken)
        if person is None:
            outbox.stopped(session, taken)
            round_.count(outbox.STOPPED)
            return taken, None
        if taken.channel not in it.chain(person, taken.step, taken.language):
            outbox.refused(session, it.wave, taken, Why.SETTINGS)
            round_.count(outbox.FAILED)
            return taken, None
        message = it.write(taken, person)
        outbox.spend(session, it.wave, taken, round_.channels.price(taken.channel, message.text))
    return taken, message


def _send(round_: Round, taken: Taken, message: Outgoing) -> None:
    wave = round_.writer.wave
    try:
        reference = round_.channels.adapters[taken.channel].send(message)
    except MessageRefused as refusal:
        why = refusal.why
        _record(round_, outbox.FAILED, lambda session: outbox.refused(session, wave, taken, why))
    except NotNow as refusal:
        _later(round_, taken, refusal)
    except Unclear as refusal:
        why = refusal.why
        _record(round_, outbox.UNKNOWN, lambda session: outbox.unclear(session, taken, why))
    else:
        _record(round_, outbox.SENT, lambda session: outbox.sent(session, taken, reference))


def _later(round_: Round, taken: Taken, refusal: NotNow) -> None:
    """Try again after a pause that grows, never all at the same moment; a channel that is out rests for this run."""
    if refusal.for_all:
        round_.paused.add(taken.channel.value)
    pause = FIRST_PAUSE * 2 ** (taken.tries - 1) * (0.5 + round_.rng.random())
    due_at, counts = round_.clock() + pause, not refusal.for_all
    wave, why = round_.writer.wave, refusal.why
    _record(
        round_,
        outbox.WAITING,
        lambda session: outbox.put_back(session, wave, taken, why, due_at=due_at, counts=counts),
    )


def _record(round_: Round, outcome: str, write: Callable[[Session], None]) -> None:
    """Store what became of a message; a database that is busy for a moment is asked again."""
    for pause in RECORDING_PAUSES:
        time.sleep(pause)
        try:
            with round_.database.begin() as session:
                write(session)
        except DatabaseUnavailable as error:
            failure = error
            continue
        round_.count(outcome)
        return
    raise failure
