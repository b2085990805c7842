"""The pages of schemes: what a person changes in the form, what is refused and where, who may agree."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from survey.db import Database
from survey.model.unit import Unit
from survey.scheme import builtin_scheme
from survey.stages import schemes

SAMPLE = builtin_scheme("local-department-sample")
HERE = f"/schemes/{SAMPLE.digest}"
OURS = {"code": "dong-nai-so", "version": "2026.1", "note": "Theo QĐ 12", "status": "sample"}
MAX = "area[1].criterion[1].component[1].max"
SignIn = Callable[..., FlaskClient]


@pytest.fixture
def office(database: Database, signed_in: SignIn) -> FlaskClient:
    with database.begin() as session:
        session.add(Unit(code="75-SNV", name_vi="Sở Nội vụ", name_en="Home Affairs", type="department", rated=True))
    return signed_in("lead_agency")


def test_points_that_do_not_add_up_lead_to_their_field_and_keep_what_was_typed(
    office: FlaskClient, database: Database
) -> None:
    refused = office.submit(f"{HERE}/change", {**OURS, MAX: "7"}, form=-3)
    assert refused.status_code == 422
    page = refused.get_data(as_text=True)
    assert f'id="{MAX}" name="{MAX}" type="text" value="7"' in page
    assert "dong-nai-so" in page
    with database.read() as session:
        assert all(one.is_shipped for one in schemes.shelf(session))


def test_a_version_is_kept_compared_and_agreed_to_by_two_agencies(
    office: FlaskClient, signed_in: SignIn, database: Database
) -> None:
    kept = office.submit(f"{HERE}/change", {**OURS, "name.vi": "Chỉ số của tỉnh"}, form=-3)
    assert kept.status_code == 303
    address = kept.location.partition("?")[0]
    other = signed_in("oversight")
    assert office.get(kept.location).status_code == 200
    assert other.get(f"{address}/change").status_code == 403
    empty = office.submit(address, {"document": " "}, form=1)
    assert empty.status_code == 422
    assert office.submit(address, {"document": "QĐ 12, 01/03/2026, Giám đốc"}, form=1).status_code == 303
    with database.read() as session:
        assert schemes.approved(session) == {}
    assert office.get(f"{address}/scheme.toml").get_data(as_text=True).startswith("# MẪU THỬ")


def test_a_scheme_longer_than_a_form_is_kept_as_it_was_written(office: FlaskClient) -> None:
    text = SAMPLE.source.replace(SAMPLE.code, OURS["code"], 1) + "\n# " + "Điều khoản ấy " * 10_000
    kept = office.submit(f"{HERE}/change", {"text": text, "note": ""}, form=-2)
    assert kept.status_code == 303
