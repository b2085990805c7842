"""Background work: one generic named task on Huey; jobs register their names here, the web only says names.

The rows in the database are the truth: a task that runs twice does its work once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from huey import Huey, RedisHuey, SqliteHuey

from survey.config import Settings

Job = Callable[..., None]
BEAT = "worker"
_JOBS: dict[str, Job] = {}


def register(name: str) -> Callable[[Job], Job]:
    """Make a function runnable by its name (used by `survey.jobs`)."""

    def add(job: Job) -> Job:
        _JOBS[name] = job
        return job

    return add


def open_queue(settings: Settings) -> Huey:
    """The queue of a site: Redis where one is named, else a file of its own beside the key folder."""
    if settings.redis:
        return RedisHuey("hailong", url=settings.redis)
    file = _file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    # Huey uses the standard library's older SQLite: without WAL its reset bug cannot strike
    return SqliteHuey("hailong", filename=str(file), journal_mode="truncate")


def _file(settings: Settings) -> Path:
    return settings.keys.parent / "queue.db"


def beat(queue: Huey, now: datetime) -> None:
    """The worker says that it has done what was due."""
    queue.put(BEAT, now.isoformat())


def last_beat(settings: Settings) -> datetime | None:
    """When a worker of this site last said so; None when none ever did."""
    if not settings.redis and not _file(settings).exists():
        return None
    told = open_queue(settings).get(BEAT, peek=True)
    return None if told is None else datetime.fromisoformat(told)


def enqueue(settings: Settings, name: str, **arguments: str) -> None:
    """Hand a job over by its name; call it after the commit, so that the job finds what was stored."""
    runner(open_queue(settings))(name, arguments)


def runner(queue: Huey) -> Callable[[str, Mapping[str, Any]], Any]:
    """The one task of the queue: calling the result puts a named job with its arguments into it."""

    @queue.task(name="run")  # type: ignore[untyped-decorator]
    def run(name: str, arguments: Mapping[str, Any]) -> None:
        _JOBS[name](**arguments)

    return run  # type: ignore[no-any-return]
