"""What a random order of items did to answers: counted over the whole wave, beside nothing that names a unit or class.

Where each item stood travels sealed, apart from the answer, and is opened at the close alone, for all forms at once.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey.model.response import OrderCount
from survey.model.wave import Wave
from survey.stages import waves
from survey.stages.classes import PRIVACY_FLOOR

FEWEST_PLACES, FREE = 2, 2
Counts = Mapping[tuple[int, str], int]


@dataclass(frozen=True)
class Effect:
    """The mean of an item on its scale by the place it stood in, and how much it moves from one place to the next."""

    item: str
    answers: int
    means: tuple[tuple[int, int, float], ...]  # place, answers, mean
    slope: float
    se: float

    @property
    def z(self) -> float:
        return self.slope / self.se if self.se else 0.0


def receive(session: Session, wave: Wave, contents: Iterable[Mapping[str, Any]]) -> None:
    """Count the forms of a whole wave; called once, at its end."""
    counts: Counter[tuple[str, int, str]] = Counter()
    for content in contents:
        counts.update((name.rpartition(":")[2], place, value) for name, (place, value) in content["order"].items())
    rows = [
        {"wave_id": wave.id, "item": item, "place": place, "value": value, "answers": number}
        for (item, place, value), number in sorted(counts.items())
    ]
    if rows:
        session.execute(insert(OrderCount), rows)


def effects(session: Session, wave: Wave) -> list[Effect]:
    """The effect on each item with a scale that ten people answered in every place; `na` has no place on a scale."""
    by_item: dict[str, dict[tuple[int, str], int]] = defaultdict(dict)
    for row in session.scalars(select(OrderCount).where(OrderCount.wave_id == wave.id)):
        by_item[row.item][row.place, row.value] = row.answers
    scaled = [item for item in waves.instrument_of(wave).items if item.options and item.options.is_scale]
    found = [_effect(item.code, by_item[item.code], item.codes) for item in scaled if item.code in by_item]
    return [one for one in found if one is not None]


def _effect(item: str, counts: Counts, codes: tuple[str, ...]) -> Effect | None:
    """Least squares of the value on the place, from counts; None where a place has fewer than ten answers."""
    told = {(place, int(value)): number for (place, value), number in counts.items() if value in codes}
    by_place: Counter[int] = Counter()
    for (place, _value), number in told.items():
        by_place[place] += number
    if len(by_place) < FEWEST_PLACES or min(by_place.values()) < PRIVACY_FLOOR:
        return None
    n = by_place.total()
    middle = sum(place * number for place, number in by_place.items()) / n
    mean = sum(value * number for (_place, value), number in told.items()) / n
    spread = sum((place - middle) ** 2 * number for place, number in by_place.items())
    slope = sum((place - middle) * value * number for (place, value), number in told.items()) / spread
    rest = sum((value - mean - slope * (place - middle)) ** 2 * number for (place, value), number in told.items())
    sums = {one: sum(value * number for (place, value), number in told.items() if place == one) for one in by_place}
    means = tuple((place, by_place[place], sums[place] / by_place[place]) for place in sorted(by_place))
    return Effect(item, n, means, slope, math.sqrt(rest / (n - FREE) / spread))
