"""The questionnaire as data: what is shipped, how it becomes pages, and how each fault is named."""

from pathlib import Path

import pytest

from survey.errors.common import UnknownInstrument
from survey.faults import FaultyFile, Reason
from survey.instrument import Audience, ItemType, Status, builtin_instrument, builtin_instruments, load_instrument

SMALL = """
code = "small"
version = "1"
languages = ["vi", "en"]
audience = "citizens"
status = "sample"
satisfied = ["4", "5"]
title = { vi = "Phiếu", en = "Form" }
group = [{ code = "G", name = { vi = "Nhóm", en = "Group" } }]
factor = [
  { code = "I", group = "G", name = { vi = "Một", en = "One" } },
  { code = "O", name = { vi = "Khác", en = "Other" } },
]

[[options]]
code = "sat5"
choices = [
  { code = "5", text = { vi = "năm", en = "five" } },
  { code = "4", text = { vi = "bốn", en = "four" } },
  { code = "3", text = { vi = "ba", en = "three" } },
  { code = "2", text = { vi = "hai", en = "two" } },
  { code = "1", text = { vi = "một", en = "one" } },
]
na = { vi = "Không áp dụng", en = "Not applicable" }

[[options]]
code = "yes_no"
choices = [{ code = "y", text = { vi = "Có", en = "Yes" } }, { code = "n", text = { vi = "Không", en = "No" } }]

[[item]]
code = "S1"
factor = "I"
type = "single"
options = "sat5"
text = { vi = "Câu 1", en = "Item 1" }

[[item]]
code = "Q1"
factor = "I"
type = "single"
options = "yes_no"
text = { vi = "Có trả phí?", en = "Paid a fee?" }

[[item]]
code = "S2"
factor = "I"
type = "single"
options = "sat5"
text = { vi = "Câu 2", en = "Item 2" }
route = { item = "Q1", choices = ["y"] }

[[item]]
code = "sex"
type = "single"
options = "yes_no"
fact = true
text = { vi = "Giới tính", en = "Sex" }
"""


def told(text: str) -> list[str]:
    with pytest.raises(FaultyFile) as refusal:
        load_instrument(text, file="small.toml")
    return str(refusal.value).splitlines()


def test_the_shipped_instruments_are_sound() -> None:
    assert {"service-2025", "officials-sample"} <= set(builtin_instruments())
    for code in builtin_instruments():
        assert builtin_instrument(code).code == code


def test_the_service_form_asks_the_nineteen_items_on_five_pages_and_the_facts_on_a_last_one() -> None:
    form = builtin_instrument("service-2025")
    assert [item.code for item in form.scored_items] == [f"S{number}" for number in range(15, 34)]
    assert [len(page.items) for page in form.pages()] == [4, 4, 5, 3, 3, 6]
    assert form.pages()[-1].factor is None
    assert all(item.na("vi") == "Không áp dụng" for item in form.scored_items)
    assert form.title("en").startswith("Your opinion")


def test_the_apology_is_asked_of_everybody_and_kept_apart_from_the_answer() -> None:
    apology = builtin_instrument("service-2025").item("A1")
    assert (apology.scored, apology.fact, apology.route) == (False, True, None)
    assert "Hồ sơ không trễ hẹn" in [choice.text("vi") for choice in apology.choices]
    assert apology.text("vi") == (
        "Nếu hồ sơ bị trễ hẹn, Ông/Bà có nhận được văn bản hoặc lời xin lỗi và hẹn lại ngày trả không?"
    )


def test_the_facts_use_the_words_that_people_use() -> None:
    facts = builtin_instrument("service-2025").facts
    words = {choice.text("vi") for item in facts for choice in item.choices}
    assert [item.code for item in facts] == ["A1", "sex", "age", "education", "occupation", "comment"]
    assert {"Nội trợ", "Trung học cơ sở", "Trung học phổ thông", "50-59", "Từ 60 trở lên"} <= words
    assert not any(item.required for item in facts)


def test_the_officials_form_is_a_sample_of_six_headings_and_at_most_eight_items() -> None:
    form = builtin_instrument("officials-sample")
    assert (form.audience, form.status) == (Audience.OFFICIALS, Status.SAMPLE)
    assert "mẫu thử, chưa phải phiếu chính thức" in form.title("vi")
    assert (len(form.factors), len(form.items), len(form.facts)) == (6, 8, 0)
    assert {item.na("vi") for item in form.items} == {"Không đủ thông tin để đánh giá"}


def test_the_whole_form_has_its_thirty_three_items_and_questions_that_are_never_scored() -> None:
    form = builtin_instrument("sipas-2022")
    scored = {
        factor.code: [item for item in form.scored_items if item.factor == factor.code] for factor in form.factors
    }
    counts = {code: len(items) for code, items in scored.items() if items}
    assert counts == {"A": 2, "B": 2, "C": 8, "D": 2, "I": 4, "II": 4, "III": 5, "IV": 3, "V": 3}
    assert form.item("Q2").type is ItemType.MULTIPLE
    assert [item.code for item in form.items if item.consent] == ["ethnicity"]


def test_what_is_scored_follows_from_the_scale_unless_the_file_says_otherwise() -> None:
    form = load_instrument(SMALL)
    assert [item.code for item in form.scored_items] == ["S1", "S2"]
    assert [item.code for item in form.answer_items] == ["S1", "Q1", "S2"]


def test_a_factor_of_many_items_is_split_evenly_and_before_what_its_own_answers_decide() -> None:
    more = "".join(
        f'[[item]]\ncode = "T{number}"\nfactor = "I"\ntype = "single"\noptions = "sat5"\n'
        'text = { vi = "Câu", en = "Item" }\n'
        for number in range(5)
    )
    assert [len(page.items) for page in load_instrument(SMALL + more).pages()] == [2, 6, 1]  # S2 is routed by Q1


def test_the_frozen_text_is_the_same_whatever_saved_the_file(tmp_path: Path) -> None:
    saved = tmp_path / "small.toml"
    saved.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load_instrument(saved).digest == load_instrument(SMALL).digest
    assert load_instrument(load_instrument(saved).source) == load_instrument(SMALL)


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(UnknownInstrument):
        builtin_instrument("../service-2025")


def test_a_file_that_is_not_toml_or_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"code = '\xff'")
    with pytest.raises(FaultyFile, match="not UTF-8"):
        load_instrument(tmp_path / "x.toml")
    assert told("code = ")[0].startswith("small.toml: this is not TOML")


FAULTS = [
    ('version = "1"\n', "", "version: this is missing"),
    ('version = "1"', "version = 1", "version: this must be text"),
    ('version = "1"', 'version = "1"\nverzion = "2"', "verzion: no such key here"),
    ('audience = "citizens"', 'audience = "people"', "audience: not one of citizens, officials"),
    ('code = "S1"', "code = 1.10", "item[1].code: a code is text, write it in quotes: 1.10"),
    ('code = "S1"', 'code = "S 1"',
     "item[1].code: a code has only letters, digits, '.', '_' and '-', at most 40: \"S 1\""),
    ('code = "S1"', 'code = "unit"', 'item[1].code: this code is the name of a column of the extract: "unit"'),
    ('code = "S2"', 'code = "s1"', 'item[3].code: "s1" was given before'),
    ('code = "Q1"\nfactor', 'code = "Q1"\nrepeats = "timing"\nfactor',  # beside the answer it would tell who was late
     'item[2].repeats: this does not go with fact = false'),
    ('code = "O"', 'code = "I"', 'factor[2].code: "I" was given before'),
    ('{ code = "4", text', '{ code = "5", text', 'options[1].choices[2].code: "5" was given before'),
    ('code = "I", group = "G"', 'code = "I", group = "H"', 'factor[1].group: unknown group "H"'),
    ('factor = "I"\ntype = "single"\noptions = "yes_no"', 'factor = "II"\ntype = "single"\noptions = "yes_no"',
     'item[2].factor: unknown factor "II"'),
    ('options = "sat5"\ntext = { vi = "Câu 2"', 'options = "sat4"\ntext = { vi = "Câu 2"',
     'item[3].options: unknown list "sat4"'),
    ('{ vi = "Câu 1", en = "Item 1" }', '{ vi = "Câu 1" }', "item[1].text.en: the text in language en is missing"),
    ('{ vi = "Câu 1", en = "Item 1" }', '{ vi = "Câu 1", en = " " }', "item[1].text.en: this is empty"),
    ('en = "Item 1" }', 'en = "Item 1", km = "?" }', "item[1].text.km: language km is not among the file's languages"),
    ('item = "Q1"', 'item = "S9"', 'item[3].route.item: item "S9" is not asked before this one'),
    ('choices = ["y"]', 'choices = ["x"]', 'item[3].route.choices: unknown choice "x"'),
    ("fact = true", 'fact = true\nfactor = "I"', "item[4].factor: this does not go with fact = true"),
    ('options = "yes_no"\ntext = { vi = "Có', 'options = "yes_no"\nscored = true\ntext = { vi = "Có',
     'item[2].scored: a scored item needs a list with the codes 1, 2, 3 ..., not list "yes_no"'),
    ('factor = "I"\ntype = "single"\noptions = "sat5"\ntext = { vi = "Câu 1"',
     'factor = "O"\ntype = "single"\noptions = "sat5"\ntext = { vi = "Câu 1"',
     "item[1].factor: this does not go with scored items: factor O has no group"),
    ('type = "single"\noptions = "yes_no"\nfact', 'type = "date"\noptions = "yes_no"\nfact',
     "item[4].options: this does not go with type date"),
    ('satisfied = ["4", "5"]', 'satisfied = ["6"]', 'satisfied: unknown choice "6" (sat5)'),
    ('satisfied = ["4", "5"]\n', "", "satisfied: this is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "fault"), FAULTS, ids=[fault for _, _, fault in FAULTS])
def test_a_fault_is_named_once_with_its_place_and_reason(old: str, new: str, fault: str) -> None:
    assert SMALL.count(old) >= 1
    assert told(SMALL.replace(old, new, 1)) == [f"small.toml: {fault}"]


def test_all_faults_of_a_file_are_told_at_once_and_as_data() -> None:
    with pytest.raises(FaultyFile) as refusal:
        load_instrument(SMALL.replace('version = "1"\n', "").replace('options = "sat5"', 'options = "sat4"'))
    reasons = [(fault.place, fault.key, fault.reason_code, fault.detail) for fault in refusal.value.faults]
    assert reasons == [
        ("", "version", Reason.MISSING, ""),
        ("item[1]", "options", Reason.UNKNOWN_LIST, '"sat4"'),
        ("item[3]", "options", Reason.UNKNOWN_LIST, '"sat4"'),
    ]


def test_one_comment_alone_may_go_to_the_unit() -> None:
    source = builtin_instrument("service-2025").source
    last = source[source.rindex("[[item]]") :]
    for change in (
        source + "\n" + last.replace('"comment"', '"more"', 1).replace('type = "more"', 'type = "comment"'),
        source.replace('type = "comment"', 'type = "text"'),
    ):
        with pytest.raises(FaultyFile) as refused:
            load_instrument(change)
        assert {fault.key for fault in refused.value.faults} == {"forward"}
