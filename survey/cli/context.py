"""What every command works with: settings, database, keys, the hour, the reader's language."""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from survey import revision
from survey.config import Settings, settings_from
from survey.db import Database, open_database, require_database
from survey.errors.common import SurveyError
from survey.i18n import DEFAULT, Translator, own_names, translator
from survey.keys import Keys
from survey.sentences.refusals import sentences

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Site:
    """The parts of one site for a command."""

    settings: Settings
    database: Database
    keys: Keys

    def now(self) -> datetime:
        return datetime.now(UTC)


def open_site(database: str | None = None, *, ready: bool = True, make: bool = False) -> Site:
    """The site that the environment states, its tables those of this version unless `ready` is False.

    Only with `make` is an empty database begun where there is none: a slip in its name must not pass for an empty site.
    """
    settings = settings_from().with_database(database)
    if not make:
        require_database(settings.database)
    site = Site(settings, open_database(settings.database), Keys(settings.keys))
    if ready:
        revision.require_newest(site.database)
    return site


def reader() -> Translator:
    """The terminal's language: HAILONG_LANGUAGE, else the locale; English unless it is Vietnamese."""
    wanted = os.environ.get("HAILONG_LANGUAGE") or os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return translator("vi" if wanted.lower().startswith("vi") else "en")


def _spoken(_context: click.Context, _option: click.Parameter, code: str) -> str:
    known = own_names(settings_from().translations)
    if code not in known:
        raise click.BadParameter(", ".join(known))
    return code


LANGUAGE = click.option(
    "--language", callback=_spoken, default=DEFAULT, show_default=True, metavar="CODE",
    help="A language that has a catalogue: vi, en, or one in HAILONG_TRANSLATIONS.",
)  # fmt: skip


def actor() -> str:
    """Who runs the command, for the audit log: the machine's account, which no variable of the environment changes."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"{name} (hailong)"


def say(text: str) -> None:
    """Progress and remarks: on the error stream, so that a program can read the output."""
    click.echo(text, err=True)


def put(data: Mapping[str, Any] | list[Any], *, as_json: bool, lines: list[str]) -> None:
    """The result of a command: JSON for programs, lines for people."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=str) if as_json else "\n".join(lines))


def refuses(command: Callable[P, R]) -> Callable[P, R]:
    """End with 1 and the reasons in the reader's language when the command is refused; never a stack trace."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except SurveyError as error:
            for line in sentences(error, reader()):
                click.echo(line, err=True)
            sys.exit(1)
        except (SQLAlchemyError, CommandError, OSError) as error:
            click.echo(f"{type(error).__name__}: {str(error).splitlines()[0]}", err=True)
            sys.exit(1)

    return run
