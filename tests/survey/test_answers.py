"""What an answer may be: each kind of question takes its values in one spelling, and routes decide what counts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from survey import answers
from survey.answers import Refused, Wrong
from survey.instrument import load_instrument

FORM = load_instrument(Path(__file__).parent / "data" / "every-type.toml")

TAKEN = [
    ("S1", ["4"], "4"), ("S1", ["na"], "na"), ("SRC", ["other", "media"], "media other"), ("SRC", ["none"], "none"),
    ("N", [" 07 "], "7"), ("N", [""], ""), ("D", ["2026-02-28"], "2026-02-28"), ("D", ["1/3/2026"], "2026-03-01"),
    ("D", [""], ""), ("T", ["  ca\u0302u\x00 "], "câu"), ("C", ["một\r\nhai"], "một\nhai"), ("C", ["  "], ""),
]  # fmt: skip
REFUSED = [
    ("S1", ["7"], Wrong.NOT_OFFERED), ("S1", ["4", "5"], Wrong.TWICE), ("SRC", ["media", "media"], Wrong.TWICE),
    ("SRC", ["media", "none"], Wrong.NOT_ALONE), ("SRC", ["media", "x"], Wrong.NOT_OFFERED),
    ("SRC", ["media other"], Wrong.NOT_OFFERED), ("N", ["0"], Wrong.OUT_OF_RANGE), ("N", ["51"], Wrong.OUT_OF_RANGE),
    ("N", ["1,5"], Wrong.NOT_A_NUMBER), ("N", ["0.012"], Wrong.NOT_A_NUMBER),
    ("N", ["-1"], Wrong.NOT_A_NUMBER), ("N", ["１"], Wrong.NOT_A_NUMBER),
    ("N", ["9" * 4000], Wrong.NOT_A_NUMBER), ("D", ["31/02/2026"], Wrong.NOT_A_DAY), ("D", ["mai"], Wrong.NOT_A_DAY),
    ("D", ["1000-01-01"], Wrong.NOT_A_DAY), ("T", ["a" * 201], Wrong.TOO_LONG), ("C", ["a" * 1001], Wrong.TOO_LONG),
]  # fmt: skip


@pytest.mark.parametrize(("code", "given", "value"), TAKEN, ids=str)
def test_a_value_is_kept_in_its_one_spelling(code: str, given: list[str], value: str) -> None:
    item = FORM.item(code)
    assert answers.value_of(item, given) == value
    assert not value or answers.is_offered(item, value)


def test_digits_may_stand_in_groups_of_three() -> None:
    fee = dataclasses.replace(FORM.item("N"), most=999_999_999)
    for given in ("1250000", "1.250.000", "1,250,000", "1 250 000", "1\u00a0250\u00a0000"):
        assert answers.value_of(fee, [given]) == "1250000"
    for given in ("1.25.000", "1.250,000", "250.0", ".250"):
        with pytest.raises(Refused):
            answers.value_of(fee, [given])


@pytest.mark.parametrize(("code", "given", "wrong"), REFUSED, ids=str)
def test_what_a_question_does_not_take_is_refused_with_its_reason(code: str, given: list[str], wrong: Wrong) -> None:
    with pytest.raises(Refused) as refusal:
        answers.value_of(FORM.item(code), given)
    assert refusal.value.wrong is wrong


def test_kept_answers_are_checked_by_name_unit_and_spelling() -> None:
    kept = {
        "S1": "4", "S2": "x", "SRC": "other media", "SRC~other": "quán nước", "SRC~media": "?", "S1~consent": "yes",
        "people~consent": "yes", "98-01:S1": "4", "Z": "1", "N": "07", "T": " a",
    }  # fmt: skip
    assert answers.faults(FORM, [], kept) == {
        "S2": "not_an_option", "SRC": "not_an_option", "SRC~media": "not_an_option", "S1~consent": "not_an_option",
        "98-01:S1": "unknown_item", "Z": "unknown_item", "N": "not_an_option", "T": "not_an_option",
    }  # fmt: skip
    assert answers.faults(FORM, ["98-01"], {"98-01:S1": "4", "S1": "4", "98-02:S1": "4"}) == {
        "S1": "unknown_item", "98-02:S1": "unknown_item",
    }  # fmt: skip


def test_an_answer_that_its_route_no_longer_leads_to_does_not_count() -> None:
    given = {"CH": "online", "WEB": "1", "WEB2": "counter"}
    assert answers.settled(FORM, given) == given
    assert answers.settled(FORM, {**given, "WEB": "5"}) == {"CH": "online", "WEB": "5"}
    assert answers.settled(FORM, {**given, "CH": "counter"}) == {"CH": "counter"}
    assert answers.settled(FORM, {"WEB": "1"}) == {}


def test_words_go_with_their_choice_and_a_fact_with_its_consent() -> None:
    given = {"SRC": "media", "SRC~other": "quán nước", "people": "else", "people~else": "Tày"}
    assert answers.settled(FORM, given) == {"SRC": "media"}
    agreed = {**given, "SRC": "media other", "people~consent": "yes"}
    assert answers.settled(FORM, agreed) == {name: agreed[name] for name in agreed if name != "people~consent"}


def test_what_was_written_is_kept_apart_from_what_was_chosen() -> None:
    kept = answers.sort(FORM, {
        "S1": "5", "N": "3", "D": "2026-02-28", "T": "a", "C": "b", "SRC": "other", "SRC~other": "c",
        "people": "else", "people~else": "d", "people~consent": "yes", "sex": "online",
    })  # fmt: skip
    assert kept.said == {"S1": "5", "N": "3", "SRC": "other"}
    assert kept.facts == {"people": "else", "sex": "online"}
    assert kept.words == {"D": "2026-02-28", "T": "a", "C": "b", "SRC~other": "c", "people~else": "d"}
