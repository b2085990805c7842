"""The shipped facts: 34 provinces, 3,321 communes, and where the 63 provinces went."""

import csv
import unicodedata
from collections import Counter

import pytest

from survey import resources

HEADER = ["code", "name_vi", "name_en", "type", "parent", "valid_from", "valid_to", "successor", "rated"]


def rows(name: str) -> list[dict[str, str]]:
    with resources.data("facts", name).open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == HEADER
        return list(reader)


PROVINCES, COMMUNES, BEFORE = rows("provinces.csv"), rows("communes.csv"), rows("provinces_before_2025.csv")


def test_there_are_34_provinces_3321_communes_and_63_provinces_of_before() -> None:
    kinds = Counter(row["type"] for row in COMMUNES)
    assert (len(PROVINCES), len(COMMUNES), len(BEFORE)) == (34, 3321, 63)
    assert kinds == {"commune": 2621, "ward": 687, "special_zone": 13}


@pytest.mark.parametrize(("table", "digits"), [(PROVINCES, 2), (COMMUNES, 5), (BEFORE, 2)], ids=["34", "3321", "63"])
def test_a_code_is_digits_with_its_leading_zeros_and_given_once(table: list[dict[str, str]], digits: int) -> None:
    codes = [row["code"] for row in table]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == digits and code.isdigit() for code in codes)


def test_every_commune_belongs_to_a_province_of_today() -> None:
    assert {row["parent"] for row in COMMUNES} == {row["code"] for row in PROVINCES}


def test_names_carry_their_type_in_both_languages() -> None:
    words = {"commune": ("Xã ", "Commune"), "ward": ("Phường ", "Ward"), "special_zone": ("Đặc khu ", "Special Zone")}
    for row in COMMUNES:
        vietnamese, english = words[row["type"]]
        assert row["name_vi"].startswith(vietnamese)
        assert english in row["name_en"]
        assert row["name_en"].isascii()
        assert row["name_vi"] == unicodedata.normalize("NFC", " ".join(row["name_vi"].split()))


def test_well_known_units_have_their_official_codes() -> None:
    names = {row["code"]: row["name_vi"] for row in PROVINCES + COMMUNES}
    assert (names["79"], names["00082"], names["00145"], names["31078"]) == (
        "Thành phố Hồ Chí Minh",
        "Phường Cửa Nam",
        "Phường Long Biên",
        "Đặc khu Phú Quốc",
    )


def test_the_63_provinces_end_before_the_34_begin_and_lead_to_all_of_them() -> None:
    assert {row["successor"] for row in BEFORE} == {row["code"] for row in PROVINCES}
    assert {row["valid_to"] for row in BEFORE} == {"2025-06-30"}
    assert {row["valid_from"] for row in PROVINCES + COMMUNES} == {"2025-07-01"}


def test_a_merged_province_leads_to_its_new_one() -> None:
    names = {row["code"]: row["name_vi"] for row in PROVINCES}
    led = {row["name_vi"]: names[row["successor"]] for row in BEFORE}
    assert led["Tỉnh Ninh Thuận"] == "Tỉnh Khánh Hòa"
    assert led["Tỉnh Bình Dương"] == "Thành phố Hồ Chí Minh"
    assert led["Thành phố Huế"] == "Thành phố Huế"
