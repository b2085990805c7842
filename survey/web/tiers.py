"""Groups of a league table whose units the data cannot tell apart, from the printed rank sets alone.

A group begins with the best unit that is in none yet; the units that follow belong to it as long as their rank set
still holds that first unit's rank. The sets hold together at 95 %, so the data rule out that who begins a later group
stands as high as the first unit of the group above; inside a group they do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from survey.web.figures import Standing


@dataclass(frozen=True)
class Tier:
    """Units next to each other in a table: a numbered group, or (0) those that have no rank."""

    number: int
    standings: list[Standing]

    @property
    def first(self) -> int:
        return _rank(self.standings[0]) or 0

    @property
    def last(self) -> int:
        return _rank(self.standings[-1]) or 0


def tiers(standings: Sequence[Standing]) -> list[Tier]:
    """The groups of a table whose ranked units stand first, best on top; unranked units make the last one."""
    found: list[Tier] = []
    for one in standings:
        if not found or _begins(one, found[-1]):
            number = 0 if _rank(one) is None else len(found) + 1
            found.append(Tier(number, []))
        found[-1].standings.append(one)
    return found


def has_groups(made: Sequence[Tier]) -> bool:
    """Whether there is anything to say of groups: some unit is ranked."""
    return any(one.number for one in made)


def _begins(one: Standing, tier: Tier) -> bool:
    if _rank(one) is None or tier.number == 0:
        return _rank(one) is None and tier.number != 0
    reach = one.official["rank_low"]
    return int(reach or one.official["rank"]) > tier.first


def _rank(one: Standing) -> int | None:
    rank = one.official["rank"]
    return None if rank is None else int(rank)
