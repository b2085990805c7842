"""Writes down how far a job is while it runs, so that pages can show it without a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from survey.db import Database
from survey.errors.common import SurveyError
from survey.i18n import translator
from survey.sentences.refusals import sentences
from survey.stages import tasks

LANGUAGES = ("vi", "en")


@contextmanager
def followed(database: Database, task: str, *, clock: Callable[[], datetime]) -> Iterator[Callable[[str], None]]:
    """What a job says of its steps goes to its task; a refusal ends it, told in both languages, and is not raised."""
    if not task:
        yield lambda _step: None
        return
    identity = bytes.fromhex(task)

    def say(step: str) -> None:
        with database.begin() as session:
            tasks.at(session, identity, step)

    try:
        yield say
    except SurveyError as error:
        refusal = {language: " ".join(sentences(error, translator(language))) for language in LANGUAGES}
        with database.begin() as session:
            tasks.end(session, identity, now=clock(), refusal=refusal)
        return
    except BaseException:
        with database.begin() as session:
            tasks.end(session, identity, now=clock(), refusal={})
        raise
    with database.begin() as session:
        tasks.end(session, identity, now=clock())
