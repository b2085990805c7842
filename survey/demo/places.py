"""The units of the demonstration province: 13 departments and 95 communes that exist nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

PROVINCE = "98"
DEPARTMENTS = (
    ("Sở Nội vụ", "Department of Home Affairs"),
    ("Sở Tài chính", "Department of Finance"),
    ("Sở Xây dựng", "Department of Construction"),
    ("Sở Nông nghiệp và Môi trường", "Department of Agriculture and Environment"),
    ("Sở Công Thương", "Department of Industry and Trade"),
    ("Sở Khoa học và Công nghệ", "Department of Science and Technology"),
    ("Sở Giáo dục và Đào tạo", "Department of Education and Training"),
    ("Sở Y tế", "Department of Health"),
    ("Sở Tư pháp", "Department of Justice"),
    ("Sở Văn hóa, Thể thao và Du lịch", "Department of Culture, Sports and Tourism"),
    ("Sở Dân tộc và Tôn giáo", "Department of Ethnic and Religious Affairs"),
    ("Sở Ngoại vụ", "Department of External Relations"),
    ("Ban Quản lý các khu công nghiệp", "Industrial Zones Authority"),
)
FIRST = ("An", "Bình", "Đông", "Hòa", "Long", "Minh", "Phú", "Tân", "Thạnh", "Xuân")
SECOND = ("Cường", "Hiệp", "Khánh", "Lộc", "Mỹ", "Nghĩa", "Phước", "Sơn", "Thịnh", "Vinh")
PLAIN = str.maketrans("àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ",
                      "aaaaaaaaaaaaaaaaadeeeeeeeeeeeiiiiiooooooooooooooooouuuuuuuuuuuyyyyy")  # fmt: skip
WARDS, COMMUNES = 22, 72


@dataclass(frozen=True)
class Place:
    """A unit as the units file names it."""

    code: str
    name_vi: str
    name_en: str
    type: str
    parent: str = PROVINCE
    rated: str = "yes"


def places() -> list[Place]:
    """The province first, then its departments, wards, communes and one special zone."""
    province = Place(PROVINCE, "Tỉnh Minh Họa", "Sample Province", "province", parent="", rated="no")
    departments = [
        Place(f"{PROVINCE}-S{number:02d}", vi, en, "department") for number, (vi, en) in enumerate(DEPARTMENTS, start=1)
    ]
    return [province, *departments, *_communes()]


def _communes() -> Iterator[Place]:
    for number in range(WARDS + COMMUNES + 1):
        name = f"{FIRST[number % 10]} {SECOND[(number // 10 + number) % 10]}"
        code = f"{PROVINCE}{number + 1:03d}"
        if number < WARDS:
            yield Place(code, f"Phường {name}", f"{plain(name)} Ward", "ward")
        elif number < WARDS + COMMUNES:
            yield Place(code, f"Xã {name}", f"{plain(name)} Commune", "commune")
        else:
            yield Place(code, "Đặc khu Hòn Mẫu", "Hon Mau Special Zone", "special_zone")


def plain(name: str) -> str:
    """A Vietnamese name without its marks."""
    return "".join(
        letter.lower().translate(PLAIN).upper() if letter.isupper() else letter.translate(PLAIN) for letter in name
    )


def units_csv() -> str:
    """The units file of the province."""
    lines = ["code,name_vi,name_en,type,parent,valid_from,valid_to,successor,rated"]
    for place in places():
        lines.append(
            f'{place.code},"{place.name_vi}","{place.name_en}",{place.type},{place.parent},2025-07-01,,,{place.rated}'
        )
    return "\n".join(lines) + "\n"
