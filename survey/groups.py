"""Groups of a scheme: points that are added up across its areas, as the block "impact of the reform" is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from survey.datafile import Table, Words
from survey.faults import Reason


@dataclass(frozen=True)
class PointGroup:
    """A group (nhóm) of the areas, criteria and components `parts`; it is shown beside the areas, never added again."""

    code: str
    name: Words
    max: Decimal
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """What a group may hold: the components behind a code, and its points."""

    components: frozenset[str]
    max: Decimal


def read_groups(table: Table, known: Mapping[str, Known]) -> tuple[PointGroup, ...]:
    """Read the groups, if there are any; each part is a code of the scheme, none is counted twice in one group."""
    return tuple(_read_group(row, known) for row in table.tables("group", required=False))


def _read_group(row: Table, known: Mapping[str, Known]) -> PointGroup:
    group = PointGroup(row.code(), row.words("name"), row.number("max"), row.codes("parts"))
    row.close()
    if group.code in known:
        row.fault("code", Reason.DUPLICATE, f'"{group.code}"')
    inside: frozenset[str] = frozenset()
    for code in group.parts:
        if code not in known:
            row.fault("parts", Reason.UNKNOWN_PART, f'"{code}"')
            return group
        if inside & known[code].components:
            row.fault("parts", Reason.DUPLICATE, f'"{code}"')
        inside |= known[code].components
    whole = sum((known[code].max for code in group.parts), Decimal(0))
    if whole != group.max:
        row.fault("max", Reason.WRONG_SUM, f"{whole} ≠ {group.max}")
    return group
