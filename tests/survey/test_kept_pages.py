"""Result pages whose parts are kept: each reader gets the own page and language, and what is new shows at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from survey.db import Database
from survey.keys import Keys
from survey.model.release import Release
from survey.model.result import Run
from survey.model.seal import Seal
from survey.model.unit import Unit
from survey.stages import exports, results, waves
from survey.wavefile import read_wave_file
from survey.web import kept

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
SCHEME, OWN = "local-department-sample", "75-SNV"
PAGES = ("/results/W1", f"/results/W1/{OWN}", "/results/W1/75-STP")
WAVE = """
code = "{code}"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = ["local-department-sample"]
province = "75"
period_from = {year}-01-01
period_to = {year}-12-31
opens = 2026-03-01T08:00:00
closes = 2026-04-01T17:00:00
units = "*"
targets = {{ default = 30 }}
"""


def figure(unit: str, index: str) -> dict[str, Any]:
    told = {"year": "2025", "wave": "W", "rule": "top2box", "weighting": "design", "answers": "all", "scheme": SCHEME}
    own = {"unit": unit, "level_of": "overall", "code": "overall", "is_official": "yes", "status": "ok", "index": index}
    more = {"unit_name_vi": f"Sở {unit}", "unit_name_en": f"Department {unit}", "n_valid": "30", "rank": "1"}
    limits = {"ci_low": str(float(index) - 5), "ci_high": str(float(index) + 5)}
    return {**dict.fromkeys(exports.COLUMNS), **told, **own, **more, **limits}


@pytest.fixture
def keep(app: Flask, database: Database) -> Callable[..., bytes]:
    """Stores a run of a wave, which is created first; the run's id."""
    with database.begin() as session:
        session.add(Unit(code="75", name_vi="Đồng Nai", name_en="Dong Nai", type="province", rated=False))
        session.flush()
        for code in (OWN, "75-STP"):
            session.add(Unit(code=code, name_vi=code, name_en=code, type="department", parent="75", rated=True))

    def store(index: str, *, code: str = "W1", year: int = 2025, is_sealed: bool = False) -> bytes:
        with database.begin() as session:
            try:
                wave = waves.find(session, code)
            except Exception:
                keys = Keys(app.extensions["survey"].settings.keys)
                wave = waves.create(
                    session, read_wave_file(WAVE.format(code=code, year=year)), keys=keys, actor="t", now=NOW
                )
            rows = [figure(OWN, index), figure("75-STP", "66.25"), figure("75", "77.25")]
            made = results.Made("0" * 64, "t", results.standing(session, wave))
            run = results.store(session, wave, rows, made, actor="t", now=datetime.now(UTC))
            if is_sealed:
                _release(session, wave, run)
                wave.state = "sealed"
                session.add(Seal(
                    id=code.encode().ljust(16, b"."), wave_id=wave.id, number=1, run_id=run.id, document="1/QĐ",
                    release_id=run.id, reason=None, statement="{}", digest=code * 32, sealed_at=NOW, sealed_by="t",
                ))  # fmt: skip
            return run.id

    return store


def _release(session: Any, wave: Any, run: Any) -> None:
    session.add(Release(
        id=run.id, wave_id=wave.id, run_id=run.id, step="final", document="1/QĐ", complaints_until=None,
        proposed_at=NOW, proposed_by="t", released_at=NOW,
    ))  # fmt: skip
    session.flush()


def seen(reader: FlaskClient, path: str) -> str:
    """What a page says, without the token of its form."""
    page = reader.get(path).get_data(as_text=True)
    return page.replace(reader.form()["csrf_token"], "") if list(reader.page.iter("form")) else page


def test_each_reader_sees_in_any_order_what_he_would_see_if_nothing_were_kept(
    keep: Callable[..., bytes], signed_in: Callable[..., FlaskClient]
) -> None:
    keep("91.25")
    readers: dict[str, FlaskClient] = {}
    for language in ("vi", "en"):
        for name, roles, unit in (
            ("oversight", ["oversight"], None), ("own", ["lead_agency"], OWN), ("other", ["lead_agency"], "75-STP"),
        ):  # fmt: skip
            reader = signed_in(*roles, *(["survey_office"] if language == "en" else []), unit=unit)
            reader.set_cookie("lang", language, domain="localhost")
            readers[f"{name} {language}"] = reader
    alone = {}
    for name, reader in readers.items():
        for path in PAGES:
            kept.forget()
            alone[name, path] = seen(reader, path)
    for order in list(permutations(readers))[::97]:
        kept.forget()
        for name in order:
            assert {path: seen(readers[name], path) for path in PAGES} == {path: alone[name, path] for path in PAGES}
    for language, value in (("vi", "91,25"), ("en", "91.25")):
        assert [value in alone[f"{name} {language}", PAGES[0]] for name in ("oversight", "own", "other")] == [
            True, False, True,
        ]  # fmt: skip
        assert value not in alone[f"own {language}", PAGES[1]]
    assert "86,25" in alone["oversight vi", PAGES[0]]
    assert "86,25" not in alone["other vi", PAGES[0]], "an interval of the own level, before the release"


def test_a_new_run_a_figure_typed_in_and_a_release_show_at_once(
    keep: Callable[..., bytes], signed_in: Callable[..., FlaskClient], database: Database
) -> None:
    outdated = "Figures were typed in"
    keep("91.25")
    reader, own = signed_in("lead_agency"), signed_in("lead_agency", unit=OWN)
    for one in (reader, own):
        one.set_cookie("lang", "en", domain="localhost")
    assert "91.25" in seen(reader, PAGES[0])
    assert outdated not in seen(reader, PAGES[0])
    with database.begin() as session:
        wave = waves.find(session, "W1")
        code = results.typed_in(session, wave, "department")[0].code
        results.set_input(session, wave, unit=OWN, code=code, value=Decimal(1), source="1/BC", actor="t", now=NOW)
    assert outdated in seen(reader, PAGES[0])
    newest = keep("88.25")
    for path in PAGES[:2]:
        assert "88.25" in seen(reader, path)
        assert "88.25" not in seen(own, path)
    assert outdated not in seen(reader, PAGES[0])
    with database.begin() as session:
        wave = waves.find(session, "W1")
        _release(session, wave, session.get_one(Run, newest))
    for path in PAGES[:2]:
        assert "88.25" in seen(own, path)


def test_an_earlier_year_that_is_sealed_later_joins_the_years_of_a_unit_at_once(
    keep: Callable[..., bytes], signed_in: Callable[..., FlaskClient]
) -> None:
    keep("91.25")
    reader = signed_in("oversight")
    assert "W0" not in seen(reader, PAGES[1])
    keep("70.25", code="W0", year=2024, is_sealed=True)
    assert "70,25" in seen(reader, PAGES[1])


def test_a_kept_part_knows_nobody(app: Flask, keep: Callable[..., bytes]) -> None:
    run = keep("91.25")
    with app.test_request_context():
        html = kept.league(run, None).html
    assert "csrf" not in html
    assert "<form" not in html


def test_a_units_part_is_kept_in_less_than_half_of_its_size(app: Flask, keep: Callable[..., bytes]) -> None:
    run = keep("91.25")
    with app.test_request_context():
        shown = kept.unit(run, OWN, None, "")
        packed = kept._unit(run, OWN, None, "", "vi")
    assert shown is not None
    assert packed is not None
    assert "91,25" in shown
    assert 2 * len(packed) < len(shown.encode())
