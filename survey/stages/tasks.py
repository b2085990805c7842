"""Tasks: long computations that somebody asked for; how far each is stands in the database, for any page to show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors.seals import TaskRuns
from survey.i18n import DEFAULT
from survey.model.base import new_id
from survey.model.index import IndexSheet
from survey.model.task import Task
from survey.model.wave import Wave

WAITING, RUNNING, DONE, REFUSED = "waiting", "running", "done", "refused"
UNFINISHED = (WAITING, RUNNING)
Subject = Wave | IndexSheet
LONGEST = timedelta(hours=1)


class Job(StrEnum):
    """What can be asked for."""

    SCORE = "score"
    SCREEN = "screen"
    SEAL = "seal"
    PLAN = "plan"
    FRAME = "frame"
    INDEX_SEAL = "index_seal"


STEPS: Mapping[Job, tuple[str, ...]] = {
    Job.SCORE: ("extract", "computing", "storing"),
    Job.SCREEN: ("extract", "screening", "storing"),
    Job.PLAN: ("computing", "storing"),
    Job.FRAME: ("reading", "storing"),
    Job.SEAL: ("extract", "files", "packing", "sealing"),
    Job.INDEX_SEAL: ("files", "packing", "sealing"),
}


def ask(session: Session, subject: Subject, job: Job, *, by: str, now: datetime) -> Task:
    """Ask for a computation; TaskRuns while one of the same kind is not at its end."""
    before = latest(session, subject, job)
    if before is not None and before.state in UNFINISHED:
        if now - before.asked_at < LONGEST:
            raise TaskRuns(wave=subject.code)
        end(session, before.id, now=now, refusal={})  # nobody works at it any more
    task = Task(
        id=new_id(), **_column(subject), name=job.value, state=WAITING, step="", done=0, steps=len(STEPS[job]),
        refusal=None, asked_at=now, asked_by=by, ended_at=None,
    )  # fmt: skip
    session.add(task)
    session.flush()
    return task


def at(session: Session, identity: bytes, step: str) -> None:
    """Say that a step has begun."""
    task = session.get_one(Task, identity)
    steps = STEPS[Job(task.name)]
    task.state, task.step = RUNNING, step
    task.done = steps.index(step) if step in steps else task.done
    session.flush()


def end(session: Session, identity: bytes, *, now: datetime, refusal: Mapping[str, str] | None = None) -> None:
    """Say how it ended; a refusal is told in each language."""
    task = session.get_one(Task, identity)
    task.state, task.ended_at = (DONE, now) if refusal is None else (REFUSED, now)
    task.done = task.steps if refusal is None else task.done
    task.refusal = None if refusal is None else json.dumps(dict(refusal), ensure_ascii=False)
    session.flush()


def latest(session: Session, subject: Subject, job: Job) -> Task | None:
    """The newest computation of a kind."""
    wanted = select(Task).filter_by(**_column(subject), name=job.value)
    return session.scalars(wanted.order_by(Task.asked_at.desc(), Task.id)).first()


def _column(subject: Subject) -> dict[str, bytes]:
    return {"wave_id" if isinstance(subject, Wave) else "sheet_id": subject.id}


def told(task: Task, language: str) -> str:
    """Why a computation was refused, in the reader's language."""
    said = {} if task.refusal is None else json.loads(task.refusal)
    return str(said.get(language) or said.get(DEFAULT, ""))
