"""The two languages: the catalogues are fresh and whole; numbers, dates and times are written as each language does."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polib
import pytest
from babel.messages.frontend import CommandLineInterface
from hypothesis import given
from hypothesis import strategies as st

from survey import i18n, resources
from survey.i18n import EN, VI, Language

ROOT = Path(__file__).parents[2]
TEMPLATE = resources.tree(resources.Tree.TRANSLATIONS) / "messages.pot"
EXTRACT = ["pybabel", "-q", "extract", "-F", str(TEMPLATE.with_name("babel.cfg")), "-k", "_n", "--no-location", "-o"]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|\{\w*\}")


def messages(path: Path) -> dict[str, str]:
    return {entry.msgid: entry.msgid_plural for entry in polib.pofile(str(path)) if not entry.obsolete}


def forms(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_the_list_of_sentences_is_fresh(tmp_path: Path) -> None:
    CommandLineInterface().run([*EXTRACT, str(tmp_path / "new.pot"), str(ROOT)])
    assert messages(tmp_path / "new.pot") == messages(TEMPLATE), "run: make messages"


@pytest.mark.parametrize("language", list(i18n.own_names()))
def test_a_catalogue_has_the_sentences_of_the_list_and_no_others(language: Language) -> None:
    assert messages(i18n.catalogue_path(language)) == messages(TEMPLATE)


def test_every_sentence_is_translated_into_vietnamese() -> None:
    entries = polib.pofile(str(i18n.catalogue_path(VI)))
    assert [entry.msgid for entry in entries if entry.fuzzy or not all(forms(entry))] == []


@pytest.mark.parametrize("language", list(i18n.own_names()))
def test_translations_fill_in_the_same_values(language: Language) -> None:
    for entry in polib.pofile(str(i18n.catalogue_path(language))):
        wanted = set(PLACEHOLDER.findall(entry.msgid + entry.msgid_plural))
        for form in forms(entry):
            found = set(PLACEHOLDER.findall(form))
            assert found <= wanted, entry.msgid
            assert not form or entry.msgid_plural or found == wanted, entry.msgid
            assert "%" not in PLACEHOLDER.sub("", form), entry.msgid


def test_a_missing_sentence_stands_in_english_and_counts_its_plural() -> None:
    assert i18n.translator("vi").gettext("no such sentence") == "no such sentence"
    english = i18n.translator("en")
    assert [english.ngettext("one day", "many days", n) for n in (0, 1, 2)] == ["many days", "one day", "many days"]


def test_numbers_dates_and_times() -> None:
    assert i18n.number("1234567.885", "vi", 2) == "1.234.567,89"
    assert i18n.number(Decimal("-0.5"), "en", 0) == "-1"
    assert i18n.number("-0.001", "en", 2) == "0.00"
    assert i18n.date_text(date(2026, 1, 5), "vi") == "05/01/2026"
    assert i18n.date_text(date(2026, 1, 5), "en") == "5 Jan 2026"
    assert i18n.instant_text(datetime(2026, 1, 4, 17, 30, tzinfo=UTC), "vi") == "00:30, 05/01/2026"


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4))
def test_a_number_that_was_written_is_read_back(value: Decimal) -> None:
    for language in (VI, EN):
        assert i18n.parse_number(i18n.number(value, language, 4), language) == value


@pytest.mark.parametrize("text", ["1.5", "1,234.5", "1.23.456", "", "-", "1e5", "１２", "∞", "NaN", "0x10", "1,", ",5"])
def test_what_is_no_number_in_vietnamese_is_not_guessed_at(text: str) -> None:
    assert i18n.parse_number(text, "vi") is None
