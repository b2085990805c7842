"""F22: a form stays open while the site is restarted and another wave with a newer questionnaire opens beside it."""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ground
from respondent import Respondent
from sqlalchemy import select

from survey.config import PROVINCE_TIME
from survey.db import open_database
from survey.keys import Keys
from survey.model.response import Spooled
from survey.stages import quotas, waves
from survey.wavefile import read_wave_file

PORT = 23160


def open_another(field: ground.Ground) -> None:
    """A second wave with the newer questionnaire."""
    database, now = open_database(field.url), datetime.now(UTC)
    opens, closes = ((now + timedelta(days=days)).astimezone(PROVINCE_TIME) for days in (-1, 14))
    text = ground.WAVE.format(opens=opens, closes=closes, instrument="sipas-2022")
    with database.begin() as session:
        plan = read_wave_file(text.replace("2026-faults", "2026-newer"))
        keys = Keys(field.keys)
        wave = waves.create(session, plan, keys=keys, actor="test", now=now)
        quotas.create_cell(
            session, wave, key=keys.wave(wave.id), unit_code="98-01", point_of_service=None, mode="counter", target=1
        )
        waves.open_wave(session, wave, actor="test", now=now)
    database.close()


def answers_of(field: ground.Ground) -> list[dict[str, str]]:
    database, keys = open_database(field.url), Keys(field.keys)
    with database.read() as session:
        rows = session.execute(select(Spooled.wave_id, Spooled.sealed).where(Spooled.kind == "answer")).all()
    database.close()
    return [json.loads(keys.wave(wave).open(sealed))["items"] for wave, sealed in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        field = ground.prepare(url, Path(name), people=3)
        server = ground.start(field, PORT)
        people = [Respondent(PORT, f"/k/{code}") for code in field.links]
        pages = [person.until_last() for person in people]
        ground.stop(server)
        open_another(field)
        server = ground.start(field, PORT)
        thanked = set()
        for person, page, code in zip(people, pages, field.links, strict=True):
            if 'data-state="done"' in person.go("POST", person.path, person.fill(page)):
                thanked.add(code)
        ground.stop(server)
        kept = answers_of(field)
        figures = ground.verdict(field, thanked, not_thanked=3 - len(thanked), items=[len(one) for one in kept])
    ground.report({"fault": "F22", "engine": stated.engine} | figures, "missing", "duplicates", "not_thanked")


if __name__ == "__main__":
    main()
