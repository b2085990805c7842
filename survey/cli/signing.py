"""Who signs at the command line: the account's password, and its second factor as at the sign-in page."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from survey.cli.context import Site
from survey.errors.seals import PasswordWrong
from survey.errors.staff import CodeWrong, FactorMissing
from survey.model.staff import Account
from survey.stages import factors, staff

P = ParamSpec("P")
R = TypeVar("R")
BY = click.option("--by", required=True, metavar="EMAIL", help="The account that signs; its password is asked for.")
PASSWORD = click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Its first line is the password; a second line is the code of the app, or a spare one.",
)


def signed(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command the options by which somebody signs."""
    return BY(PASSWORD(command))


def signer(site: Site, email: str, password_file: Path | None) -> str:
    """The address of the account whose password and code were given; failures count as at the sign-in page."""
    lines = [] if password_file is None else password_file.read_text(encoding="utf-8").splitlines()
    password = _told(lines, 0, "Password") if lines or sys.stdin.isatty() else None
    if password is None:
        raise PasswordWrong()
    with site.database.read() as session:
        candidate = staff.candidate(session, email=email, now=site.now())
    if not staff.matches(candidate, password):
        with site.database.begin() as session:
            staff.settle(session, candidate, right=False, now=site.now())
        raise PasswordWrong()
    _ask_second_factor(site, candidate.id or b"", lines)
    return email.strip().lower()


def _ask_second_factor(site: Site, account_id: bytes, lines: list[str]) -> None:
    """CodeWrong unless the code fits, FactorMissing where the site wants a factor that the account has not."""
    with site.database.read() as session:
        has_one = staff.has_second_factor(session, account_id)
    if not has_one:
        if site.settings.asks_second_factor:
            raise FactorMissing()
        return
    code = _told(lines, 1, "Code") or ""
    with site.database.begin() as session:
        account = session.get_one(Account, account_id)
        fits = factors.fits(session, site.keys.installation, account, code, now=site.now())
        if not fits:
            staff.miss(session, account, None, site.now())
    if not fits:
        raise CodeWrong()


def _told(lines: list[str], place: int, label: str) -> str | None:
    """A line of the password file, or what somebody types in when there is no file."""
    if lines:
        return lines[place] if len(lines) > place else None
    return str(click.prompt(label, hide_input=True, err=True))
