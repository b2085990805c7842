"""Masks what a comment tells of a person: addresses, numbers of phones, papers and dossiers, names after a title.

A comment is masked at the door, before it is sealed: nobody ever reads what stood there. It rather hides too much; what
no rule knows (a story that only one person can tell) is for the one who reads comments before they are released.
"""

from __future__ import annotations

import re
import unicodedata

MASKED = "[…]"
FEWEST_DIGITS = 8  # a phone has ten, an id nine or twelve, an account more; a price or a year has fewer
FEWEST_IN_A_CODE = 6
ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]+\s*@\s*[\w-]+(?:\.[\w-]+)+|(?:https?://|www\.)\S+", re.IGNORECASE)
DIGITS = re.compile(r"\+?\d(?:[\s.,()–_-]{0,3}\d)+")
DAY = re.compile(r"(?:0?[1-9]|[12]\d|3[01])[.-](?:0?[1-9]|1[0-2])[.-](?:19|20)\d\d")
PRICE = re.compile(r"[1-9]\d{0,2}(?:[.,]\d{3})+")
MONEY = re.compile(r"\s*(?:đồng|đ\b|vnđ|vnd)", re.IGNORECASE)
IN_FULL = re.compile(rf"{PRICE.pattern}(?:đ|vnđ|vnd)", re.IGNORECASE)
CODE = re.compile(r"(?<![^\W_])(?:[^\W_]+(?:[./–_-]+[^\W_]+)+|(?=[^\W_]*\d)[^\W_]+)")
LAW = re.compile(r"\d{1,4}/(?:19|20)\d\d/(?!\d)\S+|\d{1,2}/\d{1,2}/(?:19|20)\d\d")
NAMED_CODE = re.compile(
    r"((?:mã|số)(?:\s+số)?\s+(?:hồ\s+sơ|biên\s+nhận|giấy\s+hẹn|phiếu|hs)[\s:]*(?:là|số)?[\s:]*)([^\s,;]*\d[^\s,;]*)",
    re.IGNORECASE,
)
SPOKEN = (
    r"(?:không|một|mốt|hai|ba|bốn|tư|năm|lăm|sáu|bảy|bẩy|tám|chín|zero|one|two|three|four|five|six|seven|eight|nine)"
)
SPOKEN_NUMBER = re.compile(rf"\b{SPOKEN}(?:[\s,.-]+{SPOKEN}){{{FEWEST_DIGITS - 1},}}\b", re.IGNORECASE)
CAPITAL = "".join(sign for sign in map(chr, range(0x1F00)) if sign.isupper())  # re knows no class of capitals
NAME = rf"[{CAPITAL}][^\W\d_]*"
TITLE = r"(?i:ông|bà|anh|chị|em|cô|chú|bác|cậu|dì|cháu|thầy|đồng\s+chí|đ/c|mr|mrs|ms|miss)"
TITLED = re.compile(
    rf"\b({TITLE}(?:\s*/\s*{TITLE})*\.?\s+(?:(?i:tên)\s+(?:(?i:là)\s+)?)?){NAME}(?:[ \t]+{NAME}){{0,4}}"
)
FULL_NAME = re.compile(rf"\b{NAME}[ \t]+(?:Văn|Thị|VĂN|THỊ)(?:[ \t]+{NAME}){{1,3}}")


def mask(text: str) -> str:
    """The text with `[…]` where it told who somebody is."""
    plain = "".join(sign for sign in unicodedata.normalize("NFC", text) if unicodedata.category(sign) != "Cf")
    plain = ADDRESS.sub(MASKED, plain)
    plain = NAMED_CODE.sub(rf"\1{MASKED}", plain)
    plain = CODE.sub(_code, plain)
    plain = DIGITS.sub(_number, plain)
    plain = SPOKEN_NUMBER.sub(MASKED, plain)
    plain = TITLED.sub(rf"\1{MASKED}", plain)
    return FULL_NAME.sub(MASKED, plain)


def _digits(text: str) -> int:
    return sum(sign.isdecimal() for sign in text)


def _code(found: re.Match[str]) -> str:
    """A dossier's number mixes digits with letters or signs; laws, days and prices are no such number."""
    word = found[0]
    has_letters = any(sign.isalpha() for sign in word)
    is_code = _digits(word) >= FEWEST_IN_A_CODE and (has_letters or "/" in word)
    is_known = LAW.fullmatch(word) or IN_FULL.fullmatch(word)
    return MASKED if is_code and not is_known else word


def _number(found: re.Match[str]) -> str:
    number, rest = found[0], found.string[found.end() : found.end() + 8]
    if _digits(number) < FEWEST_DIGITS or DAY.fullmatch(number) or (PRICE.fullmatch(number) and MONEY.match(rest)):
        return number
    return MASKED
