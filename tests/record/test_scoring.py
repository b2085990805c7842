"""A run and the extract beside it: what is written together was made from the same figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from survey.db import Database
from survey.errors.common import ScoresOutdated
from survey.jobs import close, extract, score
from survey.keys import Keys
from survey.stages import results, waves

WAVE = "2026-citizens"


def test_no_extract_is_written_beside_a_run_that_was_made_from_other_figures(
    database: Database, keys: Keys, now: datetime, tmp_path: Path, go_to_the_field: Callable[..., Any]
) -> None:
    go_to_the_field(database, keys, now)
    close.run(database, keys, WAVE, actor="test", now=now)
    run = score.run(database, WAVE, actor="test", now=now)
    extract.write(database, WAVE, tmp_path / "first")
    type_in(database, now)
    with pytest.raises(ScoresOutdated):
        extract.write(database, WAVE, tmp_path / "second")
    assert not (tmp_path / "second").exists()
    with database.read() as session:
        assert results.is_outdated(session, waves.find(session, WAVE), run)
    again = score.run(database, WAVE, actor="test", now=now.replace(hour=now.hour + 1))
    extract.write(database, WAVE, tmp_path / "second")
    with database.read() as session:
        assert not results.is_outdated(session, waves.find(session, WAVE), again)


def type_in(database: Database, now: datetime) -> None:
    with database.begin() as session:
        figure = {"unit": "98-01", "code": "1.1.1", "value": Decimal("0.5"), "source": "12/BC-SNV", "actor": "test"}
        results.set_input(session, waves.find(session, WAVE), **figure, now=now)
