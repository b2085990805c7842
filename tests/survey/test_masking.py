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
    ("Chủ tịch Nguyễn Quang Minh", "Chủ tịch […]"),
    ("Phó Chủ tịch Minh", "Phó Chủ tịch […]"),
    ("Giám đốc Hải", "Giám đốc […]"),
    ("Trưởng phòng Trần Lệ Thu", "Trưởng phòng […]"),
    ("Cán bộ Nguyễn Thu Hà", "Cán bộ […]"),
    ("công chức Lê Minh", "công chức […]"),
    ("nhân viên Mai", "nhân viên […]"),
    ("bác sĩ Hoa", "bác sĩ […]"),
    ("cô giáo Hoa", "cô giáo […]"),
    ("anh Hồ Minh Thái, anh Hai", "anh […], anh […]"),
    ("Bí thư Dũng", "Bí thư […]"),
    ("Cụ Tư", "Cụ […]"),
    ("A. Hùng nói", "A. […] nói"),
    ("cô Chủ tịch Minh", "cô Chủ tịch […]"),
    ("ông nguyễn văn a", "ông […]"),
    ("nguyễn   văn   hùng làm chậm", "[…] làm chậm"),
    ("ong nguyen van a lam cham", "ong […] lam cham"),
    ("gặp trần thị bé ở quầy", "gặp […] ở quầy"),
    ("anh tuấn làm chậm", "anh […] làm chậm"),
    ("ông trần rất chậm", "ông […] rất chậm"),
    ("gặp Nguyễn Thu Hà ở quầy", "gặp […] ở quầy"),
    ("tôi tên lan, ở xã", "tôi tên […], ở xã"),
    ("Họ và tên: Lê Thu Hà", "Họ và tên: […]"),
    ("chị Lan-Anh", "chị […]"),
    ("chị H'Hen Niê", "chị […]"),
    ("Bà Ê Ban H'Nga", "Bà […]"),
    ("bà Y Blok Êban", "bà […]"),
    ("CHỊ LAN LÀM CHẬM", "CHỊ […] LÀM CHẬM"),
    ("ÔNG NGUYỄN QUANG MINH KHÔNG TIẾP DÂN", "ÔNG […] KHÔNG TIẾP DÂN"),
    ("TRƯỞNG PHÒNG TRẦN LỆ THU QUÁ CHẬM", "TRƯỞNG PHÒNG […] QUÁ CHẬM"),
    ("hồ sơ số 1234/TNHS", "hồ sơ số […]"),
    ("biên nhận 4567", "biên nhận […]"),
    ("sổ đỏ BK 123456", "sổ đỏ […]"),
    ("thửa đất số 12, tờ bản đồ số 5", "thửa đất số […], tờ bản đồ số […]"),
    ("biển số 60A-123.45", "biển số […]"),
    ("abc @ gmail . com", "[…]"),
    ("lan.anh a còng gmail chấm com", "[…]"),
    ("zalo: lananh1990", "zalo: […]"),
    ("zalo 0912 345 678", "zalo […]"),
    ("fb lan.anh.90", "fb […]"),
    ("facebook.com/lan.anh", "[…]"),
    ("84912345678đ", "[…]"),
]
KEPT = [
    "Bị đòi 15.000.000 đồng ngày 12.03.2026",
    "Nộp 500.000đ, đi 3 lần từ 31/12/2025 đến 1/1/2026",
    "Theo Nghị định 118/2025/NĐ-CP thì không phải nộp",
    "anh ấy tốt, bà con vui, quầy số 3 lúc 8:30",
    "Nộp 1500000đ, 1500000 đồng, 15000000 đồng và VND 15000000",
    "Bác Hồ dạy",
    "học theo Chủ tịch Hồ Chí Minh",
    "Chủ tịch UBND xã Tân Phú",
    "Cán bộ Tư pháp rất tốt",
    "công chức Địa chính - Xây dựng chậm",
    "Giám đốc Sở Xây dựng nên xem lại",
    "bí thư Đảng ủy",
    "Công an xã làm căn cước nhanh",
    "nộp hồ sơ 2 lần, phiếu 5 câu",
    "nộp hồ sơ năm 2025",
    "giấy hẹn ngày 15/3/2026, giấy hẹn 15/3/2026",
    "xem trên dichvucong.gov.vn",
    "gửi qua zalo cho tiện",
    "đường Nguyễn Trãi, thành phố Hồ Chí Minh",
    "Anh em cán bộ nhiệt tình",
    "CÁN BỘ LÀM VIỆC RẤT CHẬM",
    "cán bộ hồ sơ nói không rõ",
    "hẹn anh mai đến",
    "Bà Rịa xa quá",
    "anh hùng lao động, cô đào tạo nhân viên",
    "Tôi là người dân xã",
    "A. Thái độ tốt",
    "chi phi cao, ba lan, co nguoi",
]


@pytest.mark.parametrize(("text", "masked"), HIDDEN)
def test_numbers_addresses_dossiers_and_titled_names_are_hidden(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize("text", KEPT)
def test_prices_days_laws_and_plain_words_stay(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "bait",
    ["a", "1 ", "1a.", "anh ", "a@", "mã số ", "1.", "ông/", "không ", "A ", ":số ", "chị Lan ", "a a còng ", "hồ sơ "],
)
def test_no_text_keeps_the_mask_busy(bait: str) -> None:
    started = time.perf_counter()
    mask((bait * 1000)[:1000])
    assert time.perf_counter() - started < 0.5
