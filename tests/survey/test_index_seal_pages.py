"""The seal of the year's table on pages: two agencies agree to what they saw, the worker seals, everybody may check."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from survey import resources
from survey.custody import bundles, checking
from survey.custody.broken import BundleBroken
from survey.db import Database
from survey.jobs import against_index, recompute
from survey.jobs import index as job
from survey.model.approval import Approval
from survey.model.staff import Account
from survey.scheme import builtin_scheme
from survey.stages import index_sheets, units
from survey.web.site import Site

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
NATIONAL = builtin_scheme("par-index-2022")
TABLE = "/index/par-index-2022/2023"
SEAL, DOCUMENT = f"{TABLE}/seal", "12/QĐ-UBND, 05/01/2024, Chủ tịch"
SignIn = Callable[..., FlaskClient]
AGREED = {"document": DOCUMENT}


def press(client: FlaskClient, action: str, values: dict[str, str] | None = None) -> int:
    """Open the page and send its form of that action; the status. 0: there is no such form."""
    client.get(SEAL)
    return send(client, action, values)


def send(client: Any, action: str, values: dict[str, str] | None = None) -> int:
    """Send a form of the page that is open."""
    for number, form in enumerate(client.page.iter("form")):
        if form.get("action") == f"{TABLE}/{action}":
            return int(client.post(f"{TABLE}/{action}", data=client.form(number) | (values or {})).status_code)
    return 0


@pytest.fixture
def compute(database: Database, tmp_path: Path) -> Callable[[str], None]:
    """Loads the points of a province and computes the table."""
    with database.begin() as session:
        units.import_units(session, resources.data("facts", "provinces_before_2025.csv"), actor="test", now=NOW)

    def run(points: str) -> None:
        file = tmp_path / "points.csv"
        rows = f"74,total,,{points},x\n80,total,89.22,,x\n"
        file.write_text(f"unit,code,value,points,source\n{rows}", encoding="utf-8")
        with database.begin() as session:
            index_sheets.import_points(
                session, file, NATIONAL, 2023, source="", actor="test", now=NOW, dry_run=False
            )  # fmt: skip
        job.run(database, NATIONAL.code, 2023, joined=(), actor="test", now=datetime.now(UTC))

    return run


@pytest.fixture
def offices(database: Database, compute: Callable[[str], None], signed_in: SignIn) -> tuple[FlaskClient, FlaskClient]:
    """Home Affairs, which the table rates, and oversight."""
    compute("87.64")
    made = signed_in("lead_agency", unit="74"), signed_in("oversight")
    with database.begin() as session:
        session.execute(update(Account).where(Account.email.like("oversight%")).values(agency="Ủy ban Mặt trận"))
    for client in made:
        client.set_cookie("lang", "en", domain="localhost")
    return made


def test_from_two_agreements_to_a_bundle_that_anybody_can_check(
    app: Flask, offices: tuple[FlaskClient, FlaskClient], work: Callable[[], None], tmp_path: Path
) -> None:
    lead, oversight = offices
    assert "87.64" not in lead.get(TABLE).get_data(as_text=True)
    assert press(lead, "agree", AGREED) == 303
    assert "another agency" in lead.get(SEAL).get_data(as_text=True)
    token = {"csrf_token": lead.form()["csrf_token"]}  # type: ignore[attr-defined]
    assert press(lead, "seal") == 0
    assert lead.post(SEAL, data=token).status_code == 422, "one agency is not enough"
    assert press(oversight, "agree", {"document": " "}) == 422
    assert press(oversight, "agree", AGREED) == 303
    assert press(oversight, "seal") == 0
    assert press(lead, "seal") == 303
    assert "waits for the worker" in lead.get(SEAL).get_data(as_text=True)
    assert lead.post(SEAL, data=token).status_code == 422, "it is asked for once"
    work()
    assert "Seal 1" in lead.get(SEAL).get_data(as_text=True)
    assert "87.64" in lead.get(TABLE).get_data(as_text=True), "the seal lets the own row out"
    site: Site = app.extensions["survey"]
    (tmp_path / "seal.zip").write_bytes(oversight.get(f"{TABLE}/seals/1.zip").data)
    with bundles.opened(tmp_path / "seal.zip") as bundle:
        assert checking.check(bundle, public=site.keys.sealing.public_key().public_bytes_raw()).statement
        assert recompute.run(bundle.folder, bundle="seal") > 0
    assert oversight.get(f"{TABLE}/seals/2.zip").status_code == 404


def test_who_saw_other_figures_agrees_to_nothing_and_a_new_run_has_nobodys_agreement(
    offices: tuple[FlaskClient, FlaskClient], compute: Callable[[str], None], work: Callable[[], None]
) -> None:
    lead, oversight = offices
    assert [press(client, "agree", AGREED) for client in offices] == [303, 303]
    assert press(lead, "seal") == 303
    work()
    compute("88.64")
    oversight.get(SEAL)
    compute("88.65")
    assert send(oversight, "agree", AGREED) == 422
    assert "Not agreed yet" in oversight.get(SEAL).get_data(as_text=True)
    assert "87.64" in lead.get(TABLE).get_data(as_text=True), "the sealed run counts"
    assert [press(client, "agree", AGREED) for client in offices] == [303, 303]
    assert press(lead, "seal", {"reason": ""}) == 422
    assert press(lead, "seal", {"reason": "Sửa điểm"}) == 303
    work()
    page = oversight.get(SEAL).get_data(as_text=True)
    assert "Seal 2" in page
    assert "Sửa điểm" in page
    assert "88.65" in lead.get(TABLE).get_data(as_text=True)


def test_later_steps_of_the_log_are_no_tampering_and_what_hides_behind_them_is(
    database: Database, offices: tuple[FlaskClient, FlaskClient], compute: Callable[[str], None],
    work: Callable[[], None], tmp_path: Path,
) -> None:  # fmt: skip
    job_of_last_year(database, tmp_path, "80.1")
    compute("87.64")
    assert [press(client, "agree", AGREED) for client in offices] == [303, 303]
    assert press(offices[0], "seal") == 303
    work()
    (tmp_path / "seal.zip").write_bytes(offices[1].get(f"{TABLE}/seals/1.zip").data)
    with bundles.opened(tmp_path / "seal.zip") as bundle:
        told = checking.check(bundle, public=None).statement or {}
        assert "previous/scores.csv" in {path.relative_to(bundle.folder / "extract").as_posix()
                                         for path in (bundle.folder / "extract").rglob("*")}  # fmt: skip
        job_of_last_year(database, tmp_path, "81.2")
        assert against_index.run(database, bundle, told), "last year's sheet was computed again"
        compute("88.64")
        assert against_index.run(database, bundle, told), "points were corrected, and wait for their seal"
        for change in ("value = 77 where unit_code = '74'", "value = 77 where unit_code = '80'"):
            with database.begin() as session:
                session.execute(text(f"update index_input set {change} and code = 'total'"))
            with pytest.raises(BundleBroken) as broken:
                against_index.run(database, bundle, told)
            assert broken.value.file == f"index_input ({change[-3:-1]} total)"
            compute("88.64")
            compute("88.65")


def job_of_last_year(database: Database, folder: Path, points: str) -> None:
    file = folder / "before.csv"
    file.write_text(f"unit,code,value,points,source\n74,total,,{points},x\n", encoding="utf-8")
    with database.begin() as session:
        index_sheets.import_points(session, file, NATIONAL, 2022, source="", actor="test", now=NOW, dry_run=False)
    job.run(database, NATIONAL.code, 2022, joined=(), actor="test", now=datetime.now(UTC))


def test_an_agreement_after_the_seal_is_refused_and_one_that_stands_there_breaks_no_bundle(
    app: Flask, database: Database, offices: tuple[FlaskClient, FlaskClient], signed_in: SignIn,
    work: Callable[[], None], tmp_path: Path,
) -> None:  # fmt: skip
    late = signed_in("survey_office", unit="80")
    late.get(SEAL)
    assert [press(client, "agree", AGREED) for client in offices] == [303, 303]
    assert press(offices[0], "seal") == 303
    work()
    assert send(late, "agree", AGREED) == 422, "the page was open before the seal"
    with database.begin() as session:
        first = session.scalars(select(Approval).order_by(Approval.id)).first()
        me = session.scalars(select(Account).where(Account.email.like("survey_office%"))).one()
        assert first is not None
        session.add(Approval(
            subject=first.subject, digest=first.digest, account_id=me.id, agency="80", rated=True, document=DOCUMENT,
            given_at=datetime.now(UTC),
        ))  # fmt: skip
    (tmp_path / "seal.zip").write_bytes(offices[1].get(f"{TABLE}/seals/1.zip").data)
    with bundles.opened(tmp_path / "seal.zip") as bundle:
        assert against_index.run(database, bundle, checking.check(bundle, public=None).statement or {})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("update index_input set value = value + 1 where unit_code = '80'", "index_input (extract/inputs.csv)"),
        ("update index_input set source = 'y' where unit_code = '80'", "index_input (extract/inputs.csv)"),
        ("delete from index_input where unit_code = '80'", "index_input (extract/inputs.csv)"),
        ("update index_input set is_points = 1 where unit_code = '80'", "index_input (extract/inputs.csv)"),
        ("delete from index_input where unit_code = '74'", "index_input (extract/points.csv)"),
        ("update index_sheet set scheme = scheme || '# '", "index_sheet (extract/scheme.toml)"),
        (
            "update index_figure set unit_code = case unit_code when '74' then '80' else '74' end",
            "index_figure unit_code",
        ),
        ("update index_run set options = replace(options, 'level_averages', 'averages')", "index_run options"),
        ("update index_run set made_at = '2030-01-01 00:00:00.000000'", "index_run made_at"),
        ("update index_run set made_by = 'x'", "index_run made_by"),
        ("update index_run set code_version = '9'", "index_run code_version"),
        ("update index_run set options = '{'", "index_run ("),
        ("update index_seal set sealed_at = '2030-01-01 00:00:00.000000'", "index_seal sealed_at"),
        ("update index_seal set sealed_by = 'x'", "index_seal sealed_by"),
        ("update index_sheet set created_at = '2030-01-01 00:00:00.000000'", "index_sheet created_at"),
        ("delete from audit_entry where number = (select max(number) from audit_entry)", "audit_entry index.seal"),
        ("update index_seal_part set content = zeroblob(length(content))", ""),
        ("", None),
    ],
)
def test_what_a_seal_was_made_from_is_held_against_the_database(
    app: Flask, database: Database, offices: tuple[FlaskClient, FlaskClient], work: Callable[[], None], tmp_path: Path,
    change: str, named: str | None,
) -> None:  # fmt: skip
    lead, oversight = offices
    assert [press(client, "agree", AGREED) for client in offices] == [303, 303]
    press(lead, "seal")
    work()
    (tmp_path / "seal.zip").write_bytes(oversight.get(f"{TABLE}/seals/1.zip").data)
    with bundles.opened(tmp_path / "seal.zip") as bundle:
        told = checking.check(bundle, public=None).statement or {}
        if named is None:
            assert against_index.run(database, bundle, told) == told["audit"]["count"] + 1
            return
        with database.begin() as session:
            session.execute(text(change))
        with pytest.raises(BundleBroken) as broken:
            against_index.run(database, bundle, told)
    assert f"{broken.value.file} {broken.value.field}".startswith(named)
