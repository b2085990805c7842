"""What a comment tells of a person is masked, what it tells of the office stays."""

from __future__ import annotations

import time

import pytest

from survey.masking import mask

HIDDEN = [
    ("Gọi tôi 0912 345 678 nhé", "Gọi tôi […] nhé"),
    ("0912.345.678, +84 912345678; (0299) 3 123 456", "[…], […]; ([…]"),
    ("CCCD 079185001234, CMND 024567890", "CCCD […], CMND […]"),
    ("0 9 1 2 3 4 5 6 7 8", "[…]"),
    ("０９１２３４５６７８", "[…]"),
    ("09\u200b12\u200b345678", "[…]"),
    ("không chín một hai ba bốn năm sáu bảy tám", "[…]"),
    ("thư an.nguyen@gmail.com. Tôi đợi", "thư […]. Tôi đợi"),
    ("xem https://fb.com/toi", "xem […]"),
    ("mã hồ sơ H61.12-250315-0012 trễ", "mã hồ sơ […] trễ"),
    ("000.00.12.H61-250315-0012", "[…]"),
    ("số hồ sơ 1234/MC", "số hồ sơ […]"),
    ("anh Tuấn và chị Lan Anh ở quầy 3", "anh […] và chị […] ở quầy 3"),
    ("ông/bà Nguyễn Văn A", "ông/bà […]"),
    ("ÔNG NGUYỄN VĂN BA", "ÔNG […]"),
    ("em tên là Đào", "em tên là […]"),
    ("gặp Trần Thị Thử", "gặp […]"),
]
KEPT = [
    "Bị đòi 15.000.000 đồng ngày 12.03.2026",
    "Nộp 500.000đ, đi 3 lần từ 31/12/2025 đến 1/1/2026",
    "Theo Nghị định 118/2025/NĐ-CP thì không phải nộp",
    "anh ấy tốt, bà con vui, quầy số 3 lúc 8:30",
]


@pytest.mark.parametrize(("text", "masked"), HIDDEN)
def test_numbers_addresses_dossiers_and_titled_names_are_hidden(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize("text", KEPT)
def test_prices_days_laws_and_plain_words_stay(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize("bait", ["a", "1 ", "1a.", "anh ", "a@", "mã số ", "1.", "ông/", "không ", "A ", ":số "])
def test_no_text_keeps_the_mask_busy(bait: str) -> None:
    started = time.perf_counter()
    mask((bait * 1000)[:1000])
    assert time.perf_counter() - started < 0.5
