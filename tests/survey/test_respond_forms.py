"""The form as data: what a page offers is taken, everything else is refused, and a draft goes on where it was left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from survey.answers import Wrong
from survey.instrument import builtin_instrument
from survey.model.unit import Unit
from survey.web import forms, shuffle
from survey.web.forms import FormPage, Refusal

CITIZENS = forms.pages_of(builtin_instrument("service-2025"), ())
UNITS = [Unit(code=code, name_vi=code, name_en=code) for code in ("98-01", "98-02")]
OFFICIALS = forms.pages_of(builtin_instrument("officials-sample"), UNITS)


def whole(page: FormPage) -> dict[str, str]:
    return {field.name: field.values[0] if field.item.is_choosing else "Tốt" for field in page.fields}


def test_citizens_get_a_page_a_factor_and_their_facts_last() -> None:
    assert [len(page.fields) for page in CITIZENS] == [4, 4, 5, 3, 3, 6]
    assert [page.is_facts for page in CITIZENS] == [False] * 5 + [True]


def test_officials_judge_each_unit_on_pages_of_at_most_six_items() -> None:
    assert [page.unit.code for page in OFFICIALS if page.unit] == ["98-01", "98-01", "98-02", "98-02"]
    assert [len(page.fields) for page in OFFICIALS] == [4, 4, 4, 4]
    asked = [field.name for page in OFFICIALS[2:] for field in page.fields]
    assert asked == [f"98-02:L{number}" for number in range(1, 9)]
    assert [(page.number, page.part, page.parts) for page in OFFICIALS[2:]] == [(3, 1, 2), (4, 2, 2)]


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ([("S15", ["6"])], Wrong.NOT_OFFERED),
        ([("S15", ["0"])], Wrong.NOT_OFFERED),
        ([("S15", [""])], Wrong.NOT_OFFERED),
        ([("S15", ["５"])], Wrong.NOT_OFFERED),
        ([("S15", ["NaN"])], Wrong.NOT_OFFERED),
        ([("S15", ["1e999"])], Wrong.NOT_OFFERED),
        ([("S15", ["5 "])], Wrong.NOT_OFFERED),
        ([("S15", ["yes"])], Wrong.NOT_OFFERED),
        ([("S15", ["5", "4"])], Wrong.TWICE),
        ([("S15", ["5", "5"])], Wrong.TWICE),
        ([("S19", ["5"])], Refusal.UNKNOWN),
        ([("L1", ["5"])], Refusal.UNKNOWN),
        ([("sex", ["F"])], Refusal.UNKNOWN),
        ([("weight", ["99"])], Refusal.UNKNOWN),
        ([("role", ["admin"])], Refusal.UNKNOWN),
        ([("S15 ", ["5"])], Refusal.UNKNOWN),
        ([("s15", ["5"])], Refusal.UNKNOWN),
    ],
)
def test_a_value_that_the_page_does_not_offer_is_refused(
    values: list[tuple[str, list[str]]], refusal: Refusal | Wrong
) -> None:
    posted = forms.read(CITIZENS[0], [("S16", ["4"]), *values])
    assert posted.answers == {"S16": "4"}
    assert posted.refusals == {values[0][0]: refusal}


def test_not_applicable_is_taken_only_where_it_is_offered() -> None:
    assert forms.read(CITIZENS[0], [("S15", ["na"])]).answers == {"S15": "na"}
    assert forms.read(CITIZENS[5], [("A1", ["na"])]).refusals == {"A1": Wrong.NOT_OFFERED}


def test_an_official_cannot_answer_about_a_unit_of_another_page() -> None:
    posted = forms.read(OFFICIALS[0], [("98-02:L1", ["5"]), ("98-03:L1", ["5"]), ("L1", ["5"])])
    assert not posted.answers
    assert set(posted.refusals.values()) == {Refusal.UNKNOWN}


def test_a_required_item_keeps_the_form_from_being_sent() -> None:
    first = CITIZENS[0].sections[0]
    fields = (replace(first.fields[0], item=replace(first.fields[0].item, required=True)), *first.fields[1:])
    page = replace(CITIZENS[0], sections=(replace(first, fields=fields),))
    assert forms.missing(page, {"S16": "5"}) == {"S15": Refusal.REQUIRED}
    assert forms.first_gap([page, *CITIZENS[1:]], whole(CITIZENS[1])) == 1
    assert forms.first_gap([page, *CITIZENS[1:]], {"S15": "na"}) is None


def test_a_page_sent_again_takes_the_place_of_its_own_answers_only() -> None:
    draft = {**whole(CITIZENS[0]), **whole(CITIZENS[1])}
    assert forms.merged(draft, CITIZENS[1], {"S19": "1"}) == {**whole(CITIZENS[0]), "S19": "1"}


def test_a_draft_goes_on_where_it_was_left() -> None:
    assert forms.resume_at(CITIZENS, {}) == 1
    assert forms.resume_at(CITIZENS, whole(CITIZENS[0])) == 2
    assert forms.resume_at(CITIZENS, {**whole(CITIZENS[0]), "S19": "3"}) == 2
    assert forms.resume_at(CITIZENS, whole(CITIZENS[2])) == 4
    assert forms.resume_at(CITIZENS, whole(CITIZENS[5])) == 7  # the review


def test_two_sendings_of_the_same_answers_have_one_body() -> None:
    one = [("key", ["k"]), ("sex", ["F"]), ("age", ["60"]), ("csrf_token", ["a"])]
    other = [("csrf_token", ["b"]), ("age", ["60"]), ("switch", ["en"]), ("sex", ["F"]), ("key", ["k"])]
    assert forms.canonical_body(one) == forms.canonical_body(other)
    assert forms.canonical_body(one) != forms.canonical_body([*one, ("occupation", ["home"])])
    assert forms.canonical_body([("a", ["b&c=d"])]) != forms.canonical_body([("a", ["b"]), ("c", ["d"])])


def test_answers_that_the_form_no_longer_offers_do_not_stand() -> None:
    draft = {"98-01:L1": "5", "98-03:L1": "5", "98-02:L1": "9", "98-02:L2": "na"}
    assert forms.standing(OFFICIALS, draft) == {"98-01:L1": "5", "98-02:L2": "na"}


def test_the_time_told_grows_with_the_questions() -> None:
    assert forms.minutes(CITIZENS) == 3
    assert forms.minutes(OFFICIALS) == 2


def test_items_are_shuffled_by_the_forms_own_key_and_only_where_the_factor_says_so() -> None:
    [section] = CITIZENS[2].sections
    assert section.factor is not None
    shuffling = replace(CITIZENS[2], sections=(replace(section, factor=replace(section.factor, shuffle=True)),))
    orders = {
        tuple(field.name for field in shuffle.shuffled(shuffling, f"key {number}").fields) for number in range(40)
    }
    assert len(orders) > 20
    assert {frozenset(order) for order in orders} == {frozenset(field.name for field in section.fields)}
    assert shuffle.shuffled(CITIZENS[2], "key") == CITIZENS[2]
