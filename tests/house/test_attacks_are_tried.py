"""What survey tools have fallen to, by class, and which tests try each on the side of those who answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
TRIED = {
    "1 stored script in answers, names and texts": [
        "survey/test_respond_attacks.py::test_hostile_words_are_shown_as_words_in_questions_and_review",
        "survey/test_respond_attacks.py::test_hostile_names_are_shown_as_words_on_the_first_page",
        "survey/test_feedback_pages.py",
        "survey/test_app.py::test_a_template_parses_has_a_title_and_trusts_no_text",
    ],
    "3 queries in codes, cookies and places": [
        "survey/test_respond_attacks.py::test_a_place_or_cookie_that_carries_a_query_finds_nothing",
        "survey/test_respond.py::test_every_closed_link_shows_the_same_page",
    ],
    "11 references that can be counted through": [
        "survey/test_respond_attacks.py::test_the_receipt_names_nothing_but_that_it_was_received",
        "survey/test_respond_attacks.py::test_one_browsers_draft_is_opened_by_no_other_place",
    ],
    "12 guessing of codes": [
        "survey/test_respond_attacks.py::test_a_code_is_too_long_to_be_guessed",
        "survey/test_respond_attacks.py::test_an_address_that_somebody_claims_to_have_changes_nothing",
        "survey/test_respond.py::test_every_closed_link_shows_the_same_page",
    ],
    "13 the link beside the answer": [
        "survey/test_respond.py::test_no_page_tells_who_was_invited_for_what",
        "record/test_anonymity.py::test_without_the_key_no_used_mark_no_sending_and_no_draft_is_tied_to_an_invitation",
        "faults/what_the_log_tells.py",
        "survey/conftest.py::check_headers",
    ],
    "14 order and time beside the answer": [
        "record/test_anonymity.py::test_answers_have_no_time_and_share_only_unit_and_class_with_the_register",
        "record/test_attacks.py::test_copies_of_every_day_show_no_change_in_the_register_and_no_few_answers_at_once",
        "record/test_attacks.py::test_an_attacker_with_all_copies_logs_and_messages_ties_no_officials_answer",
    ],
    "16 sent twice, replayed, on two devices": [
        "record/test_responses.py::test_fifty_posts_of_one_key_at_once_are_one_row",
        "record/test_responses.py::test_two_devices_on_one_link_store_one_answer",
        "record/test_responses.py::test_the_same_sending_is_thanked_again_and_another_body_refused",
        "survey/test_respond.py::test_the_same_sending_twice_is_thanked_twice_and_stored_once",
        "survey/test_respond.py::test_every_closed_link_shows_the_same_page",
    ],
    "17 the last place": [
        "record/test_responses.py::test_64_clients_for_the_last_50_places_take_exactly_50",
        "record/test_responses.py::test_an_abandoned_place_is_free_again_after_its_time",
        "faults/last_places.py",
    ],
    "18 values, pages and questions that are not offered": [
        "survey/test_respond.py::test_what_the_page_does_not_offer_is_refused_and_the_rest_stays",
        "survey/test_respond_forms.py::test_a_value_that_the_page_does_not_offer_is_refused",
        "survey/test_respond_types.py::test_a_required_question_left_open_is_asked_before_the_form_is_sent",
        "faults/old_form.py",
    ],
    "19 fields that nobody asked for": [
        "survey/test_respond.py::test_what_the_page_does_not_offer_is_refused_and_the_rest_stays",
        "record/test_responses.py::test_what_the_form_does_not_offer_is_refused_and_nothing_stored",
    ],
    "20 floods": [
        "survey/test_respond.py::test_a_body_over_64_kib_is_refused_and_the_answers_stay",
        "survey/test_respond_attacks.py::test_a_form_of_a_thousand_parts_is_refused_quickly",
        "survey/test_respond_attacks.py::test_five_hundred_open_forms_take_no_place_of_others",
        "survey/test_crowd.py",
        "survey/test_masking.py::test_no_text_keeps_the_mask_busy",
        "faults/burst.py",
    ],
    "22 logs": ["faults/what_the_log_tells.py", "survey/test_server.py"],
    "23 what a shared phone or a cache keeps": [
        "survey/conftest.py::check_headers",
        "survey/test_respond.py::test_the_next_person_on_a_shared_phone_starts_a_new_form",
        "browser/test_offline.py::test_the_next_person_on_the_same_device_sees_nothing",
        "browser/test_kiosk.py::test_three_people_answer_one_after_the_other",
    ],
    "26 addresses to be led to": [
        "survey/test_app.py::test_the_choice_of_language_leads_to_no_other_site",
        "survey/test_app.py::test_a_language_that_the_site_does_not_speak_is_refused",
        "survey/test_respond_attacks.py::test_no_button_of_a_form_leads_to_another_site",
    ],
}


@pytest.mark.parametrize("attack", TRIED)
def test_each_attack_is_tried_by_a_test_that_is_there(attack: str) -> None:
    for place in TRIED[attack]:
        file, _, name = place.partition("::")
        text = (TESTS / file).read_text(encoding="utf-8")
        assert not name or re.search(rf"^def {name}\b", text, re.MULTILINE), place
