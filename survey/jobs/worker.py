"""The worker: every minute what is due, and the jobs that pages hand over by name."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime

from huey import Huey, crontab

from analysis.planning.releases import Goal
from survey import queue
from survey.config import Settings
from survey.db import Database
from survey.jobs import (
    calendar,
    daily,
    deliver,
    hooks,
    index_seal,
    intake,
    mix,
    plan,
    progress,
    replicate,
    scheme_trial,
    score,
    screen,
    seal,
    staff_letter,
)
from survey.keys import Keys
from survey.plan_options import Options


def prepare(
    waiting: Huey, database: Database, keys: Keys, settings: Settings, *, clock: Callable[[], datetime]
) -> None:
    """Tell the queue what its names mean here, and what to do every minute."""

    @queue.register("score")
    def compute(wave: str, actor: str, task: str = "") -> None:
        with progress.followed(database, task, clock=clock) as say:
            score.run(database, wave, actor=actor, now=clock(), say=say)

    @queue.register("screen")
    def look(wave: str, actor: str, task: str = "") -> None:
        with progress.followed(database, task, clock=clock) as say:
            screen.run(database, wave, actor=actor, now=clock(), say=say)

    @queue.register("seal")
    def close_up(wave: str, actor: str, task: str = "", reason: str = "") -> None:
        with progress.followed(database, task, clock=clock) as say:
            seal.run(database, keys, wave, actor=actor, now=clock(), reason=reason or None, say=say)

    @queue.register("index_seal")
    def close_index(scheme: str, year: str, actor: str, task: str = "", reason: str = "") -> None:
        with progress.followed(database, task, clock=clock) as say:
            index_seal.run(database, keys, scheme, int(year), actor=actor, now=clock(), reason=reason or None, say=say)

    @queue.register("staff_link")
    def write_to_staff(email: str, again: str = "") -> None:
        staff_letter.run(database, settings, email=email, again=bool(again), clock=clock)

    @queue.register("try scheme")
    def try_scheme(scheme: str, wave: str, actor: str) -> None:
        scheme_trial.run(database, scheme, wave, actor=actor, now=clock())

    @queue.register("release.advise")
    def advise(wave: str, count: str, goal: str, actor: str) -> None:
        replicate.advise(database, wave, count=int(count), goal=Goal(goal), actor=actor, now=clock())

    @queue.register("release.invite")
    def invite(wave: str, actor: str) -> None:
        replicate.invite(database, keys, settings, wave, actor=actor, now=clock())

    _before_a_draw(database, keys, clock)
    _every_minute(waiting, database, keys, settings, clock)
    queue.runner(waiting)


def _before_a_draw(database: Database, keys: Keys, clock: Callable[[], datetime]) -> None:
    """What prepares a sample: its plan and its lists."""

    @queue.register("plan")
    def size(wave: str, options: str, actor: str, task: str) -> None:
        wished = Options.of(json.loads(options))
        with progress.followed(database, task, clock=clock) as say:
            plan.keep(database, wave, wished, actor=actor, now=clock(), say=say)

    @queue.register("frame")
    def take_in(wave: str, upload: str, actor: str, task: str) -> None:
        with progress.followed(database, task, clock=clock) as say:
            intake.run(database, keys, wave, bytes.fromhex(upload), actor=actor, now=clock(), say=say)


def _every_minute(
    waiting: Huey, database: Database, keys: Keys, settings: Settings, clock: Callable[[], datetime]
) -> None:
    """What is due without being asked for."""
    watch = calendar.Watch(time.monotonic)

    @waiting.periodic_task(crontab(minute="*"), name="every minute")  # type: ignore[untyped-decorator]
    def every_minute() -> None:
        if watch.believes(now := clock()):
            calendar.run(database, keys, now=now)
        mix.run(database, keys, now=clock())
        daily.run(database, now=clock())
        deliver.due(database, keys, settings, clock=clock)
        hooks.due(database, settings, clock=clock)
        queue.beat(waiting, clock())


def run(waiting: Huey) -> None:
    """Work until stopped; a job that was interrupted is found undone in the database, not here."""
    waiting.create_consumer(workers=1, periodic=True, check_worker_health=False).run()
