"""Points that are known only for a whole: an area, a criterion, a block or the total without what it is made of.

So are the published points of other provinces. A whole stands for its components where these are not all known;
where they are, their sum counts and the whole is a check that the import has made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from analysis.components.scheme import Part

Codes = frozenset[str]
Fixed = Mapping[tuple[str, str], float]


def wholes_of(parts: Sequence[Part], unit: str, fixed: Fixed) -> dict[int, float]:
    """Points of whole parts that were given for a unit, by the part's place."""
    return {
        p: fixed[unit, part.code]
        for p, part in enumerate(parts)
        if (unit, part.code) in fixed and [one.code for one in part.components] != [part.code]
    }


def taken_wholes(parts: Sequence[Part], given: Iterable[int], known: Codes) -> dict[int, tuple[int, ...]]:
    """Which wholes each part is added up from, for the parts that need any; `known` components have points.

    A part whose components are all known needs none; one that smaller wholes (and known components) cover completely
    is their sum; else it is itself if it was given; else what there is.
    """
    inside = [frozenset(one.code for one in part.components) for part in parts]
    wholes = sorted(given, key=lambda p: -len(inside[p]))
    orders: tuple[Callable[[int], bool], ...] = (
        lambda p: parts[p].level_of == "group",
        lambda p: parts[p].level_of != "group",
    )

    def resolve(p: int) -> tuple[int, ...]:
        if inside[p] <= known:
            return ()
        smaller = [q for q in wholes if inside[q] < inside[p] and not inside[q] <= known]
        tries = [_disjoint(sorted(smaller, key=order), inside) for order in orders]
        best = max(tries, key=lambda some: len(_covered(some, inside, known, p)))
        if p in wholes and _covered(best, inside, known, p) != inside[p]:
            return (p,)
        return tuple(atom for q in best for atom in resolve(q))

    found = {p: resolve(p) for p in range(len(parts))}
    return {p: atoms for p, atoms in found.items() if atoms}


def _disjoint(wholes: Sequence[int], inside: Sequence[Codes]) -> list[int]:
    chosen: list[int] = []
    for q in wholes:
        if all(not inside[q] & inside[other] for other in chosen):
            chosen.append(q)
    return chosen


def _covered(chosen: Sequence[int], inside: Sequence[Codes], known: Codes, p: int) -> Codes:
    return inside[p] & known.union(*(inside[q] for q in chosen))


def behind_wholes(parts: Sequence[Part], atoms: Sequence[int]) -> Codes:
    """The components that the wholes `atoms` stand for."""
    return frozenset(one.code for p in atoms for one in parts[p].components)
