"""The names of people as they stand in Vietnamese sentences: after a title, in full, in small letters or shouted.

What follows a title is a name when it has a capital letter, or is one of the names that many people have. It rather
takes a word too many than leaves a name standing, but never a whole sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST_WORDS = 5
CAPITAL = "".join(sign for sign in map(chr, range(0x1F00)) if sign.isupper())  # re knows no class of capitals
NAME = rf"[{CAPITAL}][^\W\d_]*(?:['’ʼ-][^\W\d_]+)*"
WORD = re.compile(r"[^\W\d_]+(?:['’ʼ-][^\W\d_]+)*")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The commonest family names, those that mean nothing else first; in small letters only these tell a name.
FAMILY_ALONE = _words(
    "nguyễn trần lê phạm huỳnh hoàng phan vũ võ đặng bùi đỗ ngô đinh trịnh trương nguyen tran pham huynh hoang"
    " phan dang bui dinh trinh truong"
)
FAMILY = FAMILY_ALONE | _words("hồ dương lý đào đoàn vương lâm mai hà tô tạ lưu châu quách thạch cao tống")
MIDDLE = _words(
    "văn thị van thi đình hữu ngọc quang xuân đức thu kim công bá thế minh thanh hồng thùy bích mỹ duy gia như"
)
GIVEN_ALONE = _words(
    "tuấn lan hương huệ thủy thuỷ hằng nga dũng cường nhung oanh yến hải vân phượng loan thúy thuý trinh quyên"
    " diệp tuyết trâm sương khoa vinh phúc quỳnh huyền thảo nguyệt"
)
GIVEN = GIVEN_ALONE | _words(
    "an anh ánh ba hai bảo bình châu chi cúc dung duyên dương đạt điệp đông đức giang hà hạnh hậu hân hiền hiếu hiệp"
    " hoa hoà hòa hoan hoàng hồng huy hùng hưng khang khánh kiên kiều lâm liên linh long lộc ly mai mạnh minh my"
    " mỹ nam ngân nghĩa ngọc nguyên nhân nhi phát phong phú phương quân quang quế quốc sơn tài tâm tân thành thái"
    " thanh thắng thi thịnh thu thư tiên tiến toàn trang trí trung tú tùng tư uyên việt xuân ý"
)
NOT_NAMES = _words(
    "ấy ơi này kia đó đây em chị con cô bác chú bà ông và với hay hoặc là thì mà ở tại của cho rất quá không chưa"
    " đã đang sẽ cũng vẫn cứ lại phải bị được có nên nói bảo hẹn đòi làm chậm trả nhận hướng giải tiếp gây để đi"
    " đến vào ra xin cảm nhiệt thái tốt xấu hỏi yêu bắt gọi giúp tôi mình họ người dân hồ sơ giấy tờ nhà nước xã"
    " phường thôn ấp khóm huyện tỉnh quận quầy cửa một hai từ theo khi nếu vì do như trong ngoài trên dưới rồi"
    " luôn mới"
)

PERSON = (
    r"cô\s+giáo|thầy\s+giáo|ông|bà|anh|chị|em|cô|chú|bác|cậu|dì|mợ|thím|cụ|cháu|thầy|đồng\s+chí|đ/c|mr|mrs|ms|miss"
    r"|ong|ba|chi|co|bac|thay"
)
OFFICE = (
    r"chủ\s+tịch|giám\s+đốc|trưởng\s+(?:phòng|ban|thôn|ấp|khóm|bản|khu|công\s+an)|phó\s+(?:phòng|ban|thôn|giám\s+đốc)"
    r"|tổ\s+trưởng|hiệu\s+trưởng|thủ\s+trưởng|lãnh\s+đạo|cán\s+bộ|công\s+chức|viên\s+chức|nhân\s+viên|chuyên\s+viên"
    r"|giáo\s+viên|bác\s+s[ĩỹ]|bs|y\s+tá|điều\s+dưỡng|luật\s+sư|kỹ\s+sư|bí\s+thư|thư\s+ký|kế\s+toán|văn\s+thư|địa\s+chính"
    r"|công\s+an|(?:thiếu|trung|thượng|đại)\s+(?:úy|uý|tá)|sếp|can\s+bo|chu\s+tich|giam\s+doc"
)
SELF = r"(?:tôi\s+)?tên(?:\s+tôi)?|họ(?:\s+và)?\s+tên|tôi\s+là"
WITHOUT_MARKS = frozenset(["ong", "ba", "chi", "co", "bac", "thay"])  # mean much else: only a family name follows them
TITLES = re.compile(
    rf"(?<![^\W_])(?:(?:{OFFICE}|{PERSON})(?:\s*/\s*(?:{PERSON}))*\.?\s+(?:tên\s+(?:là\s+)?)?|(?:{SELF})[\s:]+(?:là\s+)?)",
    re.IGNORECASE,
)
ANOTHER = re.compile(rf"(?:{OFFICE})(?![^\W_])", re.IGNORECASE)  # cô Chủ tịch Minh
INITIAL = re.compile(rf"(?<![^\W_.])[AaCcBbÔôEe]\.[ \t]*(?={NAME})")
# What stands after a title with a capital and is an office, a place, or a man whom everybody knows.
NO_PERSON = re.compile(
    r"(?:ubnd|hđnd|ubmttq|mttq|ub|ủy\s+ban|uỷ\s+ban|hội\s+đồng|mặt\s+trận|đảng|chi\s+(?:bộ|cục|đoàn|hội)|đoàn|hội|sở|phòng"
    r"|ban|bộ|cục|tổng\s+cục|trung\s+tâm|văn\s+phòng|văn\s+hóa|bưu\s+(?:điện|cục|chính)|công\s+an|tư\s+pháp|hộ\s+tịch"
    r"|địa\s+chính|tài\s+(?:chính|nguyên)|nội\s+vụ|xây\s+dựng|giáo\s+dục|y\s+tế|kinh\s+tế|nông\s+nghiệp|lao\s+động|thuế"
    r"|một\s+cửa|tiếp\s+nhận|tp\b|thành\s+phố|việt\s+nam|bảo\s+hiểm|bhxh|hồ\s+chí\s+minh|tịch|đốc|rịa|nà|đen|điểm|triệu"
    r"|ích\s+khiêm|trưng|ái)\b",
    re.IGNORECASE,
)
UNCLE_HO = re.compile(rf"Hồ\b(?![ \t]+{NAME})|HỒ\b")
PLACE_BEFORE = re.compile(
    r"(?:đường|phố|phường|xã|quận|huyện|tp|tp\.|trường|chợ|khu|cầu|kđt|thpt|thcs|tiểu\s+học)[ \t]*$", re.IGNORECASE
)
FULL_NAME = re.compile(rf"\b{NAME}[ \t]+(?:Văn|Thị|VĂN|THỊ)(?:[ \t]+{NAME}){{1,3}}")
THREE_WORDS = re.compile(rf"(?<![^\W_]){NAME}(?:[ \t]+{NAME}){{2,3}}")
SMALL = re.compile(r"\b(?:[^\W\d_]+)[ \t]+(?:văn|thị|van|thi)[ \t]+[^\W\d_]+(?:[ \t]+[^\W\d_]+)?", re.IGNORECASE)


def hide(text: str, mask: str) -> str:
    """The text with `mask` in place of each name."""
    spans = [*_titled(text), *_initials(text), *_untitled(text)]
    told, at = [], 0
    for start, end in sorted(spans):
        if end > at:
            told += [text[at : max(start, at)], "" if start < at else mask]
            at = end
    return "".join(told) + text[at:]


def _titled(text: str) -> Iterator[tuple[int, int]]:
    for found in TITLES.finditer(text):
        end = _end_of_name(text, found)
        if end > found.end():
            yield found.end(), end


def _end_of_name(text: str, title: re.Match[str]) -> int:
    """Where the name after a title ends; where it would begin when there is none."""
    start = title.end()
    words = _following(text, start)
    is_uncle_ho = title[0].strip().casefold() == "bác" and UNCLE_HO.match(text, start)
    if (
        not words
        or (words[0][0].casefold() in NOT_NAMES and not _goes_on(words[0][0]))
        or NO_PERSON.match(text, start)
        or is_uncle_ho
    ):
        return start
    if ANOTHER.match(text, start):
        return start
    told = tuple(word.casefold() for word, _end in words)
    if title[0].strip().casefold() in WITHOUT_MARKS and told[0] not in FAMILY_ALONE:
        return start
    is_shouted = title[0].isupper() and words[0][0].isupper()
    if words[0][0][0].isupper() and not is_shouted:
        count = next((n for n, (word, _end) in enumerate(words) if not _goes_on(word)), len(words))
    else:
        count = _known(told, is_sure=is_shouted)
    return words[count - 1][1] if count else start


def _following(text: str, start: int) -> list[tuple[str, int]]:
    """The next words of the same line with their ends."""
    found: list[tuple[str, int]] = []
    while len(found) < MOST_WORDS and (word := WORD.match(text, start)):
        found.append((word[0], word.end()))
        start = word.end() + len(text[word.end() :]) - len(text[word.end() :].lstrip(" \t"))
    return found


def _goes_on(word: str) -> bool:
    """Whether a word with a capital may belong to a name: Hồ and Thái do, though they mean something else too."""
    plain = word.casefold()
    return word[0].isupper() and (plain not in NOT_NAMES or plain in FAMILY | GIVEN)


def _known(words: tuple[str, ...], *, is_sure: bool) -> int:
    """How many of these words are a name, told by names that many people have; one at least when it is sure."""
    families, givens = (FAMILY, GIVEN) if is_sure else (FAMILY_ALONE, GIVEN_ALONE)
    if words[0] not in families:
        return 0 if words[0] not in givens and not is_sure else 1 + _run(words[1:], GIVEN)
    middle = 1 + _run(words[1:], MIDDLE)
    last = middle + (middle < len(words) and words[middle] not in NOT_NAMES)
    return last + _run(words[last:], GIVEN)


def _run(words: tuple[str, ...], known: frozenset[str]) -> int:
    return next((n for n, word in enumerate(words) if word not in known), len(words))


def _initials(text: str) -> Iterator[tuple[int, int]]:
    """A. Hùng, C. Lan: a title's first letter, where a name follows that many people have."""
    for found in INITIAL.finditer(text):
        words = _following(text, found.end())
        if words[0][0].casefold() in (FAMILY | GIVEN) - NOT_NAMES:
            count = next((n for n, (word, _end) in enumerate(words) if not _goes_on(word)), len(words))
            yield found.end(), words[count - 1][1]


def _untitled(text: str) -> Iterator[tuple[int, int]]:
    """Full names without a title: those with Văn or Thị, and three words that begin with a family name."""
    yield from (found.span() for found in FULL_NAME.finditer(text))
    for found in SMALL.finditer(text):
        words = tuple(found[0].casefold().split())
        if words[0] in FAMILY_ALONE and words[2] not in NOT_NAMES:
            count = 3 if len(words) == 3 or words[3] not in GIVEN else 4
            ends = [word.end() for word in re.finditer(r"\S+", found[0])]
            yield found.start(), found.start() + ends[count - 1]
    for found in THREE_WORDS.finditer(text):
        first = found[0].split()[0].casefold()
        before = text[max(0, found.start() - 12) : found.start()]
        if first in FAMILY and not PLACE_BEFORE.search(before) and not NO_PERSON.match(found[0]):
            yield found.span()
