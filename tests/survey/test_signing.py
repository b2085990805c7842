"""Who signs at the command line gives the password and, where the account or the site wants one, the second factor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import select

from survey.cli.context import Site
from survey.cli.signing import signer
from survey.config import Settings
from survey.db import Database
from survey.errors.seals import PasswordWrong
from survey.errors.staff import CodeWrong, FactorMissing
from survey.keys import Keys
from survey.model.staff import Account
from survey.stages import factors

EMAIL, PASSWORD = "oversight.none@example.vn", "mot cau du dai de thu"


def test_a_signature_takes_the_password_and_the_code_once(
    settings: Settings, database: Database, signed_in: Callable[..., Any], tmp_path: Path
) -> None:
    signed_in("oversight")
    site, file = Site(settings, database, Keys(settings.keys)), tmp_path / "secret.txt"

    def sign(*lines: str) -> str:
        file.write_text("\n".join(lines), encoding="utf-8")
        return signer(site, EMAIL, file)

    with pytest.raises(PasswordWrong):
        sign("mot cau khac")
    assert sign(PASSWORD) == EMAIL
    with pytest.raises(FactorMissing):
        signer(replace(site, settings=replace(settings, base_url="https://khaosat.example.vn")), EMAIL, file)
    with database.begin() as session:
        account = session.scalars(select(Account)).one()
        secret = pyotp.TOTP(factors.begin(session, site.keys.installation, account))
        spare = factors.confirm(session, site.keys.installation, account, secret.now(), now=datetime.now(UTC))
    with pytest.raises(CodeWrong):
        sign(PASSWORD)
    assert sign(PASSWORD, spare[0]) == EMAIL
    with pytest.raises(CodeWrong):
        sign(PASSWORD, spare[0])
