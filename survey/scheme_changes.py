"""What differs between two schemes: parts that came or went, points, names, rules, and the keys a province sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from survey.datafile import Words
from survey.scheme import Area, Component, Criterion, Scheme

KEYS = (
    "legal_basis", "status", "index_rule", "aggregation", "weighting", "grade_on", "ties", "level_average",
    "min_valid_unit", "min_valid_item", "bonus_penalty", "decimals", "rounding", "years",
)  # fmt: skip


class Kind(StrEnum):
    """In which way something differs."""

    ADDED = "added"
    REMOVED = "removed"
    MAX = "max"
    NAME = "name"
    RULE = "rule"
    KEY = "key"


@dataclass(frozen=True)
class Change:
    """One difference: `code` names the part (or the key), what stood before and what stands now."""

    kind: Kind
    code: str
    name: Words
    before: str
    after: str


def changes(old: Scheme, new: Scheme) -> list[Change]:
    """Every difference in the order of the new scheme, what went last."""
    return [*_keys(old, new), *_parts(old, new)]


def _keys(old: Scheme, new: Scheme) -> Iterator[Change]:
    for key in KEYS:
        before, after = _told(getattr(old, key)), _told(getattr(new, key))
        if before != after:
            yield Change(Kind.KEY, key, Words(()), before, after)
    pairs = (("grade", _grades(old), _grades(new)), ("officials_values", _values(old), _values(new)),
             ("rater_weights", _weights(old), _weights(new)))  # fmt: skip
    yield from (Change(Kind.KEY, key, Words(()), before, after) for key, before, after in pairs if before != after)


def _parts(old: Scheme, new: Scheme) -> Iterator[Change]:
    before, after = _by_code(old), _by_code(new)
    for code, part in after.items():
        if code not in before:
            yield Change(Kind.ADDED, code, part.name, "", f"{part.max.normalize():f}")
            continue
        was = before[code]
        if was.max != part.max:
            yield Change(Kind.MAX, code, part.name, f"{was.max.normalize():f}", f"{part.max.normalize():f}")
        if was.name != part.name:
            yield Change(Kind.NAME, code, part.name, was.name("vi"), part.name("vi"))
        if _rule(was) != _rule(part):
            yield Change(Kind.RULE, code, part.name, _rule(was), _rule(part))
    for code, part in before.items():
        if code not in after:
            yield Change(Kind.REMOVED, code, part.name, f"{part.max.normalize():f}", "")


def _by_code(scheme: Scheme) -> dict[str, Area | Criterion | Component]:
    found: dict[str, Area | Criterion | Component] = {}
    for area in scheme.areas:
        found[area.code] = area
        for criterion in area.criteria:
            found[criterion.code] = criterion.own or criterion
            found |= {one.code: one for one in criterion.components}
    return found


def _rule(part: Area | Criterion | Component) -> str:
    return f"{part.source.value}: {part.rule}" if isinstance(part, Component) else ""


def _told(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _grades(scheme: Scheme) -> str:
    return "; ".join(f"{one.code} ≥ {one.min.normalize():f}" for one in scheme.grades)


def _values(scheme: Scheme) -> str:
    return "; ".join(f"{code} = {value.normalize():f}" for code, value in scheme.officials_values)


def _weights(scheme: Scheme) -> str:
    return "; ".join(f"{code} = {value.normalize():f}" for code, value in scheme.rater_weights)
