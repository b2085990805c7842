"""The instrument as the statistics need it: columns of answers, scored items, their factors, groups and scales."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from analysis.errors import CodeUnknown, KeyInvalid

POLICY_AND_SERVICE = frozenset({"POLICY", "SERVICE"})


class Audience(StrEnum):
    CITIZENS = "citizens"
    OFFICIALS = "officials"


@dataclass(frozen=True)
class ScoredItem:
    """An item of the index; `steps` is k of its scale 1..k."""

    code: str
    factor: str
    group: str
    steps: int


@dataclass(frozen=True)
class Instrument:
    """An instrument; `text` is the file as it was frozen with the wave."""

    code: str
    version: str
    audience: Audience
    columns: tuple[str, ...]
    choices: Mapping[str, frozenset[str]]
    scored: tuple[ScoredItem, ...]
    satisfied: frozenset[str]
    factors: tuple[str, ...]
    groups: tuple[str, ...]
    text: str

    @property
    def is_sipas(self) -> bool:
        """Say whether both groups are asked; service items alone are not called SIPAS (METHOD.md section 2)."""
        return {item.group for item in self.scored} >= POLICY_AND_SERVICE

    def index_name(self) -> tuple[str, str]:
        """Name of what the wave measures, in Vietnamese and English."""
        if self.audience is Audience.OFFICIALS:
            return "Điểm điều tra xã hội học lãnh đạo, công chức", "Points of the survey of leaders and officials"
        if self.is_sipas:
            return "Chỉ số hài lòng (SIPAS)", "Satisfaction index (SIPAS)"
        vi = "Chỉ số hài lòng về cung ứng dịch vụ hành chính công"
        return vi, "Satisfaction index of public administrative services"


def parse_instrument(text: str, *, file: str = "instrument.toml") -> Instrument:
    """Read the instrument's text. Facts about the respondent (`fact = true`) have no column among the answers.

    An item is scored when it says so, else when it is a single choice on a scale 1..k under a factor; its codes are
    the numbers that `mean5` and `mean4` average. Raises KeyInvalid, CodeUnknown.
    """
    table = load_toml(text, file)
    lists = {str(one["code"]): _codes(one) for one in table.get("options", [])}
    groups = {str(one["code"]): str(one.get("group", "")) for one in table.get("factor", [])}
    items = [one for one in table.get("item", []) if not one.get("fact", False)]
    satisfied = frozenset(str(code) for code in table.get("satisfied", []))
    scored = tuple(_scored(one, lists, groups, file) for one in items if _is_scored(one, lists))
    choices = {str(one["code"]): frozenset(lists.get(str(one.get("options", "")), ())) for one in items}
    audience = table.get("audience")
    if audience not in set(Audience):
        raise KeyInvalid(file, "", "audience", audience, ", ".join(Audience))
    factors = tuple(code for code in groups if any(item.factor == code for item in scored))
    named = dict.fromkeys(item.group for item in scored)
    return Instrument(
        str(table.get("code", "")), str(table.get("version", "")), Audience(audience),
        tuple(str(one["code"]) for one in items), choices, scored, satisfied, factors, tuple(named), text,
    )  # fmt: skip


def load_toml(text: str, file: str) -> dict[str, Any]:
    """A TOML table; raises KeyInvalid with the parser's reason."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KeyInvalid(file, "", "", str(error), "TOML") from error


def _codes(options: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(choice["code"]) for choice in options.get("choices", []))


def _is_scale(codes: tuple[str, ...]) -> bool:
    return len(codes) > 1 and set(codes) == {str(step) for step in range(1, len(codes) + 1)}


def _is_scored(item: Mapping[str, Any], lists: Mapping[str, tuple[str, ...]]) -> bool:
    codes = lists.get(str(item.get("options", "")), ())
    default = item.get("type") == "single" and _is_scale(codes) and bool(item.get("factor"))
    return bool(item.get("scored", default))


def _scored(
    item: Mapping[str, Any], lists: Mapping[str, tuple[str, ...]], groups: Mapping[str, str], file: str
) -> ScoredItem:
    code, factor = str(item["code"]), str(item.get("factor", ""))
    codes = lists.get(str(item.get("options", "")), ())
    if not _is_scale(codes):
        raise KeyInvalid(file, f"item {code}", "options", item.get("options"), "a scale of the codes 1 to k")
    if factor not in groups:
        raise CodeUnknown(file, "factor", factor, "the instrument")
    return ScoredItem(code, factor, groups[factor], len(codes))
