"""Masks what a comment tells of a person: addresses, numbers of phones, papers and dossiers, names after a title.

A comment is masked at the door, before it is sealed: nobody ever reads what stood there. It rather hides too much; what
no rule knows (a story that only one person can tell) is for the one who reads comments before they are released.
"""

from __future__ import annotations

import re
import unicodedata

from survey import personal_names

MASKED = "[…]"
FEWEST_DIGITS = 8  # a phone has ten, an id nine or twelve, an account more; a price or a year has fewer
FEWEST_IN_A_CODE = 6
AT = r"(?:@|\(at\)|\[at\]|\ba\s+còng\b)"
DOT = r"(?:\.|\s+\.\s*|\.\s+(?=(?:com|vn|net|org)\b)|\s+chấm\s+)"
ADDRESS = re.compile(
    rf"(?<![\w.+-])[\w.+-]+\s*{AT}\s*[\w-]+(?:{DOT}[\w-]+)+|(?:https?://|www\.)\S+"
    r"|(?<![\w.@-])(?!(?:[\w-]+\.)*gov\.vn\b)(?:[\w-]+\.)+(?:com|vn|net|org|me|info)\b(?:/\S*)?",
    re.IGNORECASE,
)
ACCOUNT = re.compile(
    r"\b((?:zalo|facebook|face|fb|viber|telegram|tiktok|instagram|skype|messenger|nick)"
    r"(?:\s*[:=]\s*|\s+(?:tên\s+)?là\s+|\s+(?=[^\s,;]*[\d@_.][^\s,;])))([^\s,;]+)",
    re.IGNORECASE,
)
DIGITS = re.compile(r"\+?\d(?:[\s.,()–_-]{0,3}\d)+")
DAY = re.compile(r"(?:0?[1-9]|[12]\d|3[01])[.-](?:0?[1-9]|1[0-2])[.-](?:19|20)\d\d")
PRICE = re.compile(r"[1-9]\d{0,2}(?:[.,]\d{3})+")
AMOUNT = re.compile(rf"{PRICE.pattern}|[1-9]\d{{0,9}}")
CURRENCY = r"(?:đồng|đ\b|vnđ|vnd)"
MONEY, MONEY_BEFORE = re.compile(rf"\s*{CURRENCY}", re.IGNORECASE), re.compile(rf"{CURRENCY}\s*$", re.IGNORECASE)
IN_FULL = re.compile(rf"(?:{AMOUNT.pattern})(?:đ|đồng|vnđ|vnd)", re.IGNORECASE)
CODE = re.compile(r"(?<![^\W_])(?:[^\W_]+(?:[./–_-]+[^\W_]+)+|(?=[^\W_]*\d)[^\W_]+)")
LAW = re.compile(r"\d{1,4}/(?:19|20)\d\d/(?!\d)\S+|\d{1,2}/\d{1,2}/(?:19|20)\d\d")
PAPER = (
    r"(?<![^\W_])(?:hồ\s+sơ|hs|biên\s+(?:nhận|lai)|giấy\s+(?:hẹn|chứng\s+nhận|phép)|phiếu(?:\s+(?:hẹn|tiếp\s+nhận))?|sổ\s+(?:đỏ|hồng)"
    r"|gcn|thửa(?:\s+đất)?|tờ\s+bản\s+đồ|biển(?:\s+số)?(?:\s+xe)?|tài\s+khoản|stk|hộ\s+chiếu|mã\s+số\s+thuế|mst)"
)
LETTERS_BEFORE = r"(?-i:[A-ZĐ]{1,3}[ .-]{1,2}(?=\d))?"
SOME_CODE, LONG_CODE = r"[^\s,;]*\d[^\s,;]*", r"(?!\d{1,2}[/.-]\d{1,2}[/.-]\d{4})(?=[^\s,;]*\d{3})[^\s,;]+"
NAMED_CODE = re.compile(
    rf"((?:mã|số)(?:\s+số)?\s+{PAPER}[\s:]*(?:là|số)?[\s:]*|{PAPER}\s+(?:có\s+)?(?:mã\s+số|mã|số)[\s:]*(?:là)?[\s:]*)"
    rf"({LETTERS_BEFORE}{SOME_CODE})|({PAPER}[\s:]+)({LETTERS_BEFORE}{LONG_CODE})",
    re.IGNORECASE,
)
SPOKEN = (
    r"(?:không|một|mốt|hai|ba|bốn|tư|năm|lăm|sáu|bảy|bẩy|tám|chín|zero|one|two|three|four|five|six|seven|eight|nine)"
)
SPOKEN_NUMBER = re.compile(rf"\b{SPOKEN}(?:[\s,.-]+{SPOKEN}){{{FEWEST_DIGITS - 1},}}\b", re.IGNORECASE)


def mask(text: str) -> str:
    """The text with `[…]` where it told who somebody is."""
    plain = "".join(sign for sign in unicodedata.normalize("NFC", text) if unicodedata.category(sign) != "Cf")
    plain = ADDRESS.sub(MASKED, plain)
    plain = NAMED_CODE.sub(lambda found: f"{found[1] or found[3]}{MASKED}", plain)
    plain = CODE.sub(_code, plain)
    plain = DIGITS.sub(_number, plain)
    plain = SPOKEN_NUMBER.sub(MASKED, plain)
    plain = ACCOUNT.sub(rf"\1{MASKED}", plain)
    return personal_names.hide(plain, MASKED)


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
    number, text = found[0], found.string
    is_money = MONEY.match(text, found.end()) or MONEY_BEFORE.search(text[max(0, found.start() - 6) : found.start()])
    if _digits(number) < FEWEST_DIGITS or DAY.fullmatch(number) or (is_money and AMOUNT.fullmatch(number)):
        return number
    return MASKED
