"""Background work: one generic named task on Huey; jobs register their names here, the web only says names.

The rows in the database are the truth: a task that runs twice does its work once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from huey import Huey, RedisHuey, SqliteHuey

from survey.config import Settings

Job = Callable[..., None]
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
    folder = settings.keys.parent
    folder.mkdir(parents=True, exist_ok=True)
    # Huey uses the standard library's older SQLite: without WAL its reset bug cannot strike
    return SqliteHuey("hailong", filename=str(Path(folder) / "queue.db"), journal_mode="truncate")


def enqueue(settings: Settings, name: str, **arguments: str) -> None:
    """Hand a job over by its name; call it after the commit, so that the job finds what was stored."""
    runner(open_queue(settings))(name, arguments)


def runner(queue: Huey) -> Callable[[str, Mapping[str, Any]], Any]:
    """The one task of the queue: calling the result puts a named job with its arguments into it."""

    @queue.task(name="run")  # type: ignore[untyped-decorator]
    def run(name: str, arguments: Mapping[str, Any]) -> None:
        _JOBS[name](**arguments)

    return run  # type: ignore[no-any-return]
