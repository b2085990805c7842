"""Remarks beside results: each reason once, in words, with the names of the groups."""

from __future__ import annotations

from flask import Flask

from survey.instrument import builtin_instrument
from survey.web import wording


def test_a_remark_names_the_rater_groups_as_the_questionnaire_does(app: Flask) -> None:
    with app.test_request_context():
        groups = wording.rater_groups(builtin_instrument("officials-sample"))
        assert wording.reasons("rehearsal; lone_ratings=HDND,XX", groups=groups) == [
            "nhóm chỉ có một phiếu (sai số ước lượng theo các nhóm khác): Đại biểu Hội đồng nhân dân tỉnh, XX"
        ]
        assert wording.reasons("lone_ratings=HDND")[0].endswith(": HDND")
        assert wording.reasons("cells_left_out=1", groups=groups) == [
            "số toàn tỉnh không gồm câu hỏi có quá ít người trả lời của 1 đơn vị"
        ]
        assert wording.reasons("not_reached=3")[0].startswith("3 hồ sơ")


def test_a_part_says_why_it_is_empty_unless_a_mark_says_so_already(app: Flask) -> None:
    with app.test_request_context():
        assert wording.reasons("missing=1.10; no_answers", True) == ["không có câu trả lời nào"]
        assert wording.reasons("missing=1.10; no_answers", True, "no_answers") == []
        assert wording.reasons("missing=1.10; no_forms", True) == ["không có phiếu"]
